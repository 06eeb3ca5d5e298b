#include "api/method.h"

#include <array>

#include "api/auth_service.h"
#include "api/cluster_service.h"
#include "api/election_service.h"
#include "api/errors.h"
#include "api/health_service.h"
#include "api/kv_service.h"
#include "api/lease_service.h"
#include "api/maintenance_service.h"
#include "api/watch_service.h"

namespace detcd::api {

std::variant<const Method*, http2::GrpcStatus> find_method(std::string_view path) {
  // As grpc-go's handleStream: the method is what follows the last slash.
  if (!path.starts_with('/')) return malformed_method(path);
  const std::string_view rest = path.substr(1);
  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos) return malformed_method(path);
  const std::string_view service = rest.substr(0, slash);
  const std::string_view name = rest.substr(slash + 1);
  const std::array services{kv_methods(),      watch_methods(),    lease_methods(),
                            cluster_methods(), auth_methods(),     maintenance_methods(),
                            lock_methods(),    election_methods(), health_methods()};
  for (const std::span<const Method> methods : services) {
    if (methods.front().service != service) continue;
    for (const Method& method : methods) {
      if (method.name == name) return &method;
    }
    return unknown_method(service, name);
  }
  return unknown_service(service);
}

}  // namespace detcd::api
