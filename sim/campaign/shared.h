// A value that a child of ours writes and we read, also when the child dies in the middle of it:
// memory that both see.
#pragma once

#include <sys/mman.h>

#include <new>
#include <type_traits>

#include "base/check.h"

namespace detcd::sim {

template <class T>
class Shared {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Shared() {
    void* const memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "the system gives a page of memory");
    value_ = new (memory) T{};
  }
  ~Shared() { munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  [[nodiscard]] T& operator*() const { return *value_; }
  [[nodiscard]] T* operator->() const { return value_; }

 private:
  T* value_ = nullptr;
};

}  // namespace detcd::sim
