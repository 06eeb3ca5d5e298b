#include <fmt/core.h>

#include "bootstrap/config.h"
#include "bootstrap/flags.h"
#include "bootstrap/version.h"

namespace detcd::bootstrap {
namespace {

constexpr std::size_t kColumns = 96;

// Names in lines of at most kColumns.
std::string wrapped(FlagState state) {
  std::string out;
  std::string line = "   ";
  for (const FlagSpec& spec : flag_table()) {
    if (spec.state != state || spec.type == FlagType::kIgnored) continue;
    if (line.size() + spec.name.size() + 3 > kColumns) {
      out += line + "\n";
      line = "   ";
    }
    line += fmt::format(" --{}", spec.name);
  }
  return out + line + "\n";
}

}  // namespace

std::string usage_line(std::string_view program) {
  return fmt::format(
      "Usage:\n\n"
      "  {0} [flags]\n    Start a server.\n\n"
      "  {0} --version\n    Show the version.\n\n"
      "  {0} -h | --help\n    Show every flag.\n\n",
      program);
}

std::string help_text(std::string_view program) {
  std::string out = fmt::format(
      "{0} serves etcd's v3 API (as etcd {1}). Started without flags it is a cluster of one on\n"
      "127.0.0.1:2379 that keeps its data in default.etcd; try:  etcdctl put greeting hello\n\n"
      "A flag is written --name value or --name=value; a boolean --name or --name=false. What no "
      "flag\n"
      "says is taken from the environment: ETCD_DATA_DIR stands for --data-dir. Durations are "
      "written\n"
      "as 100ms or 1h30m, lists with commas.\n\nFlags:\n",
      program, kEtcdVersion);
  for (const FlagSpec& spec : flag_table()) {
    if (spec.state != FlagState::kInForce) continue;
    out += fmt::format("  --{} '{}'\n    {}\n", spec.name, spec.preset, spec.help);
  }
  out +=
      "\nA cluster of three, told to its first member; the others differ in name and own URLs:\n" +
      fmt::format("  {} --name one --data-dir one.etcd \\\n", program) +
      "    --initial-cluster one=http://10.0.0.1:2380,two=http://10.0.0.2:2380,"
      "three=http://10.0.0.3:2380 \\\n"
      "    --listen-peer-urls http://10.0.0.1:2380 "
      "--initial-advertise-peer-urls http://10.0.0.1:2380 \\\n"
      "    --listen-client-urls http://10.0.0.1:2379 "
      "--advertise-client-urls http://10.0.0.1:2379\n";
  out += "\nAccepted and checked, not yet in force (the log says so when one is used):\n" +
         wrapped(FlagState::kNotYet);
  out +=
      "\nRefused unless left at the default, as the server would do something else than was "
      "asked:\n" +
      wrapped(FlagState::kRefused);
  out += "\nOf other etcds, without effect here:\n" + wrapped(FlagState::kObsolete);
  return out;
}

}  // namespace detcd::bootstrap
