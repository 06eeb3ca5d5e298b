// Task<T>: a lazy coroutine with one owner. It starts when awaited (or spawned in a TaskGroup), and
// destroying it cancels what it waits for, by destroying the frames below it. A task calling a task
// goes through a trampoline, so the stack never grows (symmetric transfer overflows it in
// unoptimised and sanitizer builds). A task, its frames and operations live and die on one
// Scheduler.
//
// Three forms only: `co_await x;`, `auto v = co_await x;`, `co_return co_await x;`.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"

namespace detcd::runtime {

template <class T>
class Task;

namespace detail {

// What the innermost resume() of this thread runs next.
inline thread_local std::coroutine_handle<> next_to_resume{};

struct PromiseBase {
  std::coroutine_handle<> continuation{};

  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      next_to_resume = finished.promise().continuation;
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
  // We throw nothing, and foreign exceptions end in the module that owns the library.
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

// Resumes a suspended coroutine and all that follow from it by calls and returns. Only schedulers'
// operations call this.
inline void resume(std::coroutine_handle<> handle) {
  const std::coroutine_handle<> outer = std::exchange(detail::next_to_resume, {});
  do {
    detail::next_to_resume = {};
    handle.resume();
    handle = detail::next_to_resume;
  } while (handle);
  detail::next_to_resume = outer;
}

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    Task taken(std::move(other));
    std::swap(handle_, taken.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool valid() const { return static_cast<bool>(handle_); }

  struct Awaiter {
    Handle handle;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const noexcept {
      handle.promise().continuation = caller;
      detail::next_to_resume = handle;
    }
    T await_resume() const { return handle.promise().take(); }
  };
  // The task must not have been awaited before; it stays owned by the awaiting expression.
  Awaiter operator co_await() && {
    check(static_cast<bool>(handle_), "an empty task isn't awaited");
    return Awaiter{handle_};
  }

 private:
  Handle handle_{};
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace detcd::runtime
