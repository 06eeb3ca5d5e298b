#include "sim/import/reader.h"

#include <algorithm>
#include <utility>

#include "sim/import/etcd_fields.h"

namespace detcd::sim {
namespace {

using Outcome = EtcdCall::Outcome;

bool is_register(CheckedModel model) {
  return model == CheckedModel::kRegister || model == CheckedModel::kCasRegister ||
         model == CheckedModel::kKv;
}

std::optional<PlainFunction> function_of(CheckedModel model, std::string_view name) {
  using Function = PlainFunction;
  if (is_register(model)) {
    if (name == "read" || name == "get") return Function::kRead;
    if (name == "write" || name == "put") return Function::kWrite;
    if (name == "cas" && model != CheckedModel::kRegister) return Function::kCompareAndSet;
    if (name == "delete" && model == CheckedModel::kKv) return Function::kDelete;
  }
  if (model == CheckedModel::kSet) {
    if (name == "read") return Function::kReadAll;
    if (name == "add") return Function::kAdd;
    if (name == "remove") return Function::kRemove;
  }
  if (model == CheckedModel::kQueue) {
    if (name == "enqueue") return Function::kEnqueue;
    if (name == "dequeue") return Function::kDequeue;
  }
  return std::nullopt;
}

bool takes_value(PlainFunction function) {
  return function == PlainFunction::kWrite || function == PlainFunction::kAdd ||
         function == PlainFunction::kRemove || function == PlainFunction::kEnqueue;
}

// What is asked for; answers come with the end.
PlainCall read_plain(CheckedModel model, const std::string& name, JsonFields& fields) {
  PlainCall call;
  const std::optional<PlainFunction> function = function_of(model, name);
  if (!function) {
    fields.complain("has a function \"" + name + "\" that the model " +
                    std::string(name_of(model)) + " doesn't have");
    return call;
  }
  call.function = *function;
  call.key = is_register(model) ? fields.text("key").value_or("") : "";
  if (model == CheckedModel::kKv && call.key.empty()) fields.complain("needs a \"key\"");
  const Json* value = fields.any("value");
  if (takes_value(*function)) {
    call.value = value == nullptr ? "" : value->dump();
    if (value == nullptr) fields.complain("needs a \"value\"");
    if (*function == PlainFunction::kEnqueue && call.value == kNothing) {
      fields.complain("puts null into a queue, which is what an empty queue gives");
    }
  }
  if (*function == PlainFunction::kCompareAndSet) {
    if (value == nullptr || !value->is_array() || value->size() != 2) {
      fields.complain("needs a \"value\" of [expected, new]");
      return call;
    }
    call.expected = (*value)[0].dump();
    call.value = (*value)[1].dump();
  }
  return call;
}

void read_plain_answer(JsonFields& fields, PlainCall& call) {
  const Json* value = fields.any("value");
  switch (call.function) {
    case PlainFunction::kRead:
    case PlainFunction::kDequeue:
      if (value == nullptr) fields.complain("needs a \"value\": what was read; null for nothing");
      call.value = value == nullptr ? "" : value->dump();
      break;
    case PlainFunction::kReadAll:
      if (value == nullptr || !value->is_array()) {
        fields.complain("needs a \"value\": an array of the elements");
        return;
      }
      for (const Json& element : *value) call.elements.push_back(element.dump());
      break;
    case PlainFunction::kCompareAndSet:
      call.swapped = fields.flag("swapped").value_or(true);
      break;
    case PlainFunction::kWrite:
    case PlainFunction::kDelete:
    case PlainFunction::kAdd:
    case PlainFunction::kRemove:
    case PlainFunction::kEnqueue:
      break;
  }
}

bool is_plain_read(PlainFunction function) {
  return function == PlainFunction::kRead || function == PlainFunction::kReadAll;
}

// gRPC libraries put words of their own before the server's.
std::string server_text(const std::string& error) {
  constexpr std::string_view kMark = "desc = ";
  const auto at = error.rfind(kMark);
  return at == std::string::npos ? error : error.substr(at + kMark.size());
}

}  // namespace

HistoryReader::HistoryReader(std::optional<CheckedModel> model, ReaderLimits limits)
    : model_(model), limits_(limits) {}

Error HistoryReader::at_line(const std::string& what) const {
  return {Errc::kInvalid, "line " + std::to_string(line_) + ": " + what};
}

Result<void> HistoryReader::take(std::string_view line) {
  ++line_;
  if (line_ > limits_.lines_max) return at_line("there are more lines than can be judged");
  if (line.size() > limits_.line_bytes_max) return at_line("it is too long");
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find_first_not_of(" \t") == std::string_view::npos) return {};
  const Result<Json> object = parse_object(line);
  if (!object) return at_line(object.error().message);
  const std::string error = take_object(*object);
  if (!error.empty()) return at_line(error);
  return {};
}

std::string HistoryReader::take_object(const Json& object) {
  std::string error;
  JsonFields fields(object, "an event", error);
  const std::string type = fields.text("type").value_or("");
  if (!error.empty()) return error;
  if (type == "history") {
    take_header(fields, error);
    return error;
  }
  if (!current_) {
    if (!model_) return "which model? Name it by --model or in a line of type \"history\"";
    current_.emplace();
    current_->model = *model_;
  }
  if (type == "initial") {
    take_initial(fields, error);
  } else {
    take_event(fields, type, error);
  }
  return error;
}

void HistoryReader::take_header(JsonFields& fields, std::string& error) {
  end_history();
  current_.emplace();
  current_->name = fields.text("name").value_or("");
  current_->why = fields.text("why").value_or("");
  const std::optional<std::string> model = fields.text("model");
  const std::optional<std::string> verdict = fields.text("verdict");
  fields.refuse_others();
  const std::optional<CheckedModel> known = model ? checked_model(*model) : model_;
  if (!known) {
    fields.complain("must name a known \"model\"");
  } else if (model_ && *known != *model_) {
    fields.complain("names another model than --model does");
  } else {
    current_->model = *known;
  }
  if (!verdict) return;
  if (*verdict == "legal") current_->expected = Finding::kLegal;
  if (*verdict == "illegal") current_->expected = Finding::kIllegal;
  if (!current_->expected && error.empty()) error = "\"verdict\" must be legal or illegal";
}

void HistoryReader::take_initial(JsonFields& fields, std::string& error) {
  const std::string key = fields.text("key").value_or("");
  const Json* value = fields.any("value");
  fields.refuse_others();
  if (!is_register(current_->model)) {
    fields.complain("of type \"initial\" is for registers: all else begins empty");
  } else if (value == nullptr) {
    fields.complain("of type \"initial\" needs a \"value\"");
  }
  if (error.empty()) current_->initial[key] = value->dump();
}

std::uint64_t HistoryReader::instant(JsonFields& fields, std::string& error) {
  const std::optional<std::int64_t> time = fields.number("time");
  if (!error.empty()) return 0;
  if (has_times_ && *has_times_ != time.has_value()) {
    error = "either all events of a history have a \"time\" or none has";
    return 0;
  }
  has_times_ = time.has_value();
  const std::int64_t now = time.value_or(static_cast<std::int64_t>(line_));
  if (now < 0 || static_cast<std::uint64_t>(now) < latest_) {
    error = "time goes backwards";
    return 0;
  }
  latest_ = static_cast<std::uint64_t>(now);
  return latest_;
}

void HistoryReader::take_event(JsonFields& fields, const std::string& type, std::string& error) {
  const Json* who = fields.any("process");
  const bool named = who != nullptr && (who->is_string() || who->is_number_integer());
  if (!named) return fields.complain("needs a \"process\": a number or a name");
  const std::string process = who->dump();
  if (process == "\"nemesis\"") return;  // Jepsen's: what was done to the cluster.
  const auto pending = under_way_.find(process);
  if (type == "invoke") {
    if (pending != under_way_.end()) {
      error = "process " + process + " begins a call before its last one ended (line " +
              std::to_string(pending->second.origin.line_began) + ")";
      return;
    }
    return invoke(fields, process, error);
  }
  if (type != "ok" && type != "fail" && type != "info") {
    error = "\"type\" must be invoke, ok, fail, info, initial or history";
    return;
  }
  if (pending == under_way_.end()) {
    error = "process " + process + " ends a call that it didn't begin";
    return;
  }
  Call call = std::move(pending->second);
  under_way_.erase(pending);
  complete(fields, type, std::move(call), error);
}

void HistoryReader::invoke(JsonFields& fields, const std::string& process, std::string& error) {
  Call call;
  call.origin.process = process;
  call.origin.line_began = line_;
  call.interval.began = instant(fields, error);
  call.function = fields.text("f").value_or("");
  if (!error.empty()) return;
  if (current_->model == CheckedModel::kEtcd) {
    const Json* value = fields.object("value");
    if (value == nullptr) return fields.complain("needs a \"value\": the request");
    std::optional<Operation> operation = read_request(call.function, *value, error);
    if (!operation) return;
    call.etcd.operation = std::move(*operation);
  } else {
    call.plain = read_plain(current_->model, call.function, fields);
    call.plain.answered = false;
  }
  under_way_.emplace(process, std::move(call));
}

void HistoryReader::complete(JsonFields& fields, const std::string& type, Call call,
                             std::string& error) {
  const std::uint64_t now = instant(fields, error);
  const std::string function = fields.text("f").value_or(call.function);
  if (error.empty() && function != call.function) error = "the call's beginning has another \"f\"";
  if (!error.empty()) return;
  call.origin.line_ended = line_;
  if (type == "info") return keep(std::move(call));
  call.interval.ended = now;
  const bool is_etcd = current_->model == CheckedModel::kEtcd;
  if (type == "fail") {
    // It had no effect, so there is nothing to explain, except a refusal by which the state speaks.
    const Json* what = fields.any("error");
    if (!is_etcd || what == nullptr || !what->is_string()) return;
    call.etcd.error = server_text(what->get<std::string>());
    if (!is_refusal_by_state(call.etcd.error)) return;
    call.etcd.outcome = Outcome::kRefused;
    return keep(std::move(call));
  }
  if (!is_etcd) {
    call.plain.answered = true;
    read_plain_answer(fields, call.plain);
  } else if (const Json* value = fields.object("value")) {
    call.etcd.outcome = Outcome::kAnswered;
    call.etcd.told = read_answer(call.etcd.operation, *value, error);
  } else {
    fields.complain("needs a \"value\": the answer");
  }
  if (error.empty()) keep(std::move(call));
}

void HistoryReader::keep(Call call) {
  const bool is_etcd = current_->model == CheckedModel::kEtcd;
  if (!is_etcd && !call.plain.answered && is_plain_read(call.plain.function)) return;
  current_->origins.push_back(std::move(call.origin));
  current_->intervals.push_back(call.interval);
  if (is_etcd) {
    current_->etcd.push_back(std::move(call.etcd));
  } else {
    current_->plain.push_back(std::move(call.plain));
  }
}

void HistoryReader::end_history() {
  for (auto& [process, call] : under_way_) keep(std::move(call));
  under_way_.clear();
  has_times_.reset();
  latest_ = 0;
  if (current_) done_.push_back(std::move(*current_));
  current_.reset();
}

Result<std::vector<CheckedHistory>> HistoryReader::finish() {
  end_history();
  if (done_.empty()) return Error{Errc::kInvalid, "there is no event in it"};
  return std::move(done_);
}

}  // namespace detcd::sim
