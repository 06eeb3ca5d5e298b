#include "tests/runtime/world_fixture.h"

namespace detcd::test {

namespace {

using runtime::Mailbox;
using runtime::Task;
using runtime::World;

Task<void> nothing() {
  co_return;
}

Task<void> accept_one(World world, std::string address, Mailbox<std::string>::Sender found,
                      StreamTask serve) {
  auto listening = co_await world.network.listen(std::move(address));
  const auto listener = must(std::move(listening));
  found.send(listener->address());
  auto accepted = co_await listener->accept();
  co_await serve(world, must(std::move(accepted)));
}

Task<void> connect_one(World world, Mailbox<std::string>& found, StreamTask talk) {
  std::optional<std::string> address = co_await found.receive();
  auto connected = co_await world.network.connect(std::move(*address));
  co_await talk(world, must(std::move(connected)));
}

}  // namespace

std::vector<WorldKind> all_worlds() {
  std::vector<WorldKind> worlds = asio_worlds();
  for (WorldKind& simulated : sim_worlds()) worlds.push_back(std::move(simulated));
  return worlds;
}

void WorldFixture::run(TaskMaker at_here) {
  run(std::move(at_here), [](World) { return nothing(); });
}

void run_connected(WorldFixture& fixture, StreamTask accepting, StreamTask connecting) {
  Mailbox<std::string> found(fixture.there().scheduler);
  fixture.run(
      [&, address = fixture.listen_address()](World world) {
        return accept_one(world, address, found.sender(), std::move(accepting));
      },
      [&](World world) { return connect_one(world, found, std::move(connecting)); });
}

}  // namespace detcd::test
