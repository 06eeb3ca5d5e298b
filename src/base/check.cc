#include "base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace detcd {
namespace {

void print_and_abort(std::string_view promise, const std::source_location& where) {
  std::fprintf(stderr, "check failed: %.*s (%s:%u, %s)\n", static_cast<int>(promise.size()),
               promise.data(), where.file_name(), where.line(), where.function_name());
  std::abort();
}

CheckHandler handler_in_force = print_and_abort;

}  // namespace

CheckHandler set_check_handler(CheckHandler handler) {
  const CheckHandler former = handler_in_force;
  handler_in_force = handler;
  return former;
}

void check_failed(std::string_view promise, const std::source_location& where) {
  handler_in_force(promise, where);
  std::abort();
}

}  // namespace detcd
