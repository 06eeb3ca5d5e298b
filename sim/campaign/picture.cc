#include "sim/campaign/picture.h"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "sim/campaign/report.h"
#include "sim/plan/text.h"
#include "sim/timeline/page.h"
#include "sim/timeline/recorder.h"

namespace detcd::sim {
namespace {

Result<std::optional<VirtualTime>> time_of(const Arguments& arguments, const std::string& name) {
  if (!arguments.has(name)) return std::optional<VirtualTime>();
  const std::string text = arguments.text(name, "");
  Words words(text);
  const Duration duration = words.duration();
  if (!words.ok() || !words.finished() || duration < Duration::zero()) {
    return Error{Errc::kInvalid, "--" + name + " must be a time of the run, as 2500ms: " + text};
  }
  return std::optional<VirtualTime>(VirtualTime(duration));
}

}  // namespace

Result<Between> between_of(const Arguments& arguments) {
  const Result<std::optional<VirtualTime>> from = time_of(arguments, "from");
  if (!from) return from.error();
  const Result<std::optional<VirtualTime>> to = time_of(arguments, "to");
  if (!to) return to.error();
  if (*from && *to && **from > **to) return Error{Errc::kInvalid, "--from comes after --to"};
  return Between{*from, *to};
}

Picture draw_picture(const RunOptions& options, const Trace& trace, const PictureJob& job) {
  Recorder recorder(options.settings.nodes);
  RunOptions watched = options;
  watched.watcher = &recorder;
  watched.on_log = [&](VirtualTime at, std::uint32_t node, const telemetry::Record& record) {
    recorder.on_log(node, record);
    if (options.on_log) options.on_log(at, node, record);
  };
  std::error_code ignored;
  std::filesystem::remove(job.out, ignored);
  Picture picture;
  picture.child = run_in_child(watched, kRunPatienceSeconds, [&](const RunResult& result) {
    PageFacts facts = page_facts(trace, result);
    facts.file = job.file;
    facts.reproduce = job.reproduce;
    facts.from = job.between.from;
    facts.to = job.between.to;
    std::ofstream out(job.out, std::ios::binary);
    out << render_page(recorder.timeline(), facts);
  });
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(job.out, missing);
  if (!missing && bytes > 0) picture.bytes = bytes;
  return picture;
}

}  // namespace detcd::sim
