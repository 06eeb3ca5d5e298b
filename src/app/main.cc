// detcd: one member of a cluster.
#include <variant>

#include "app/process.h"
#include "app/serve.h"
#include "bootstrap/config.h"

int main(int argc, char** argv) {
  namespace app = detcd::app;
  namespace bootstrap = detcd::bootstrap;
  const std::variant<bootstrap::Config, bootstrap::Exit> configured =
      bootstrap::configure(app::invocation(argc, argv));
  if (const auto* exit = std::get_if<bootstrap::Exit>(&configured)) return app::carry_out(*exit);
  return app::serve(std::get<bootstrap::Config>(configured));
}
