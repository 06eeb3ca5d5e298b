#include "sim/import/etcd_fields.h"

#include <utility>

namespace detcd::sim {
namespace {

// Deeper transactions than etcd's own tests make; bounds the recursion.
constexpr int kTxnDepthMax = 8;

using Kind = Told::Kind;

apply::TxnRequest read_txn(const Json& value, std::string& error, int depth);
Told read_told(Kind kind, const Json& value, std::string& error);

apply::RangeRequest read_range(const Json& value, std::string& error) {
  JsonFields fields(value, "a range request", error);
  apply::RangeRequest range;
  range.key = fields.text("key").value_or("");
  range.range_end = fields.text("range_end").value_or("");
  range.limit = fields.number("limit").value_or(0);
  range.revision = fields.number("revision").value_or(0);
  range.sort_order = fields.choice("sort_order", {"NONE", "ASCEND", "DESCEND"});
  range.sort_target = fields.choice("sort_target", {"KEY", "VERSION", "CREATE", "MOD", "VALUE"});
  range.serializable = fields.flag("serializable").value_or(false);
  range.keys_only = fields.flag("keys_only").value_or(false);
  range.count_only = fields.flag("count_only").value_or(false);
  range.min_mod_revision = fields.number("min_mod_revision").value_or(0);
  range.max_mod_revision = fields.number("max_mod_revision").value_or(0);
  range.min_create_revision = fields.number("min_create_revision").value_or(0);
  range.max_create_revision = fields.number("max_create_revision").value_or(0);
  fields.refuse_others();
  if (range.key.empty()) fields.complain("needs a key");
  return range;
}

apply::PutRequest read_put(const Json& value, std::string& error) {
  JsonFields fields(value, "a put request", error);
  apply::PutRequest put;
  put.key = fields.text("key").value_or("");
  put.value = fields.text("value").value_or("");
  put.lease = fields.number("lease").value_or(0);
  put.prev_kv = fields.flag("prev_kv").value_or(false);
  put.ignore_value = fields.flag("ignore_value").value_or(false);
  put.ignore_lease = fields.flag("ignore_lease").value_or(false);
  fields.refuse_others();
  if (put.key.empty()) fields.complain("needs a key");
  if (put.lease != 0) fields.complain("with a lease can't be judged: the model grants none");
  return put;
}

apply::DeleteRangeRequest read_delete(const Json& value, std::string& error) {
  JsonFields fields(value, "a delete request", error);
  apply::DeleteRangeRequest erase;
  erase.key = fields.text("key").value_or("");
  erase.range_end = fields.text("range_end").value_or("");
  erase.prev_kv = fields.flag("prev_kv").value_or(false);
  fields.refuse_others();
  if (erase.key.empty()) fields.complain("needs a key");
  return erase;
}

apply::Compare read_compare(const Json& value, std::string& error) {
  JsonFields fields(value, "a comparison", error);
  apply::Compare compare;
  compare.result = fields.choice("result", {"EQUAL", "GREATER", "LESS", "NOT_EQUAL"});
  compare.target = fields.choice("target", {"VERSION", "CREATE", "MOD", "VALUE", "LEASE"});
  compare.key = fields.text("key").value_or("");
  compare.range_end = fields.text("range_end").value_or("");
  switch (static_cast<apply::CompareTarget>(compare.target)) {
    case apply::CompareTarget::kVersion:
      compare.number = fields.number("version").value_or(0);
      break;
    case apply::CompareTarget::kCreate:
      compare.number = fields.number("create_revision").value_or(0);
      break;
    case apply::CompareTarget::kMod:
      compare.number = fields.number("mod_revision").value_or(0);
      break;
    case apply::CompareTarget::kLease:
      compare.number = fields.number("lease").value_or(0);
      break;
    case apply::CompareTarget::kValue:
      compare.value = fields.text("value").value_or("");
      break;
  }
  fields.refuse_others();
  if (compare.key.empty()) fields.complain("needs a key");
  return compare;
}

std::vector<apply::RequestOp> read_branch(const Json* values, std::string& error, int depth) {
  std::vector<apply::RequestOp> branch;
  for (std::size_t i = 0; values != nullptr && i < values->size(); ++i) {
    JsonFields fields((*values)[i], "an operation of a transaction", error);
    if (const Json* range = fields.object("request_range")) {
      branch.push_back({read_range(*range, error)});
    } else if (const Json* put = fields.object("request_put")) {
      branch.push_back({read_put(*put, error)});
    } else if (const Json* erase = fields.object("request_delete_range")) {
      branch.push_back({read_delete(*erase, error)});
    } else if (const Json* txn = fields.object("request_txn")) {
      branch.push_back({read_txn(*txn, error, depth + 1)});
    } else {
      fields.complain("must be a request_range, _put, _delete_range or _txn");
    }
    fields.refuse_others();
  }
  return branch;
}

apply::TxnRequest read_txn(const Json& value, std::string& error, int depth) {
  JsonFields fields(value, "a transaction", error);
  apply::TxnRequest txn;
  if (depth > kTxnDepthMax) {
    fields.complain("is nested too deep");
    return txn;
  }
  const Json* compares = fields.array("compare");
  for (std::size_t i = 0; compares != nullptr && i < compares->size(); ++i) {
    txn.compare.push_back(read_compare((*compares)[i], error));
  }
  txn.success = read_branch(fields.array("success"), error, depth);
  txn.failure = read_branch(fields.array("failure"), error, depth);
  fields.refuse_others();
  return txn;
}

apply::CompactionRequest read_compaction(const Json& value, std::string& error) {
  JsonFields fields(value, "a compaction", error);
  apply::CompactionRequest compact;
  const std::optional<std::int64_t> revision = fields.number("revision");
  compact.physical = fields.flag("physical").value_or(false);
  fields.refuse_others();
  if (!revision) fields.complain("needs a revision");
  compact.revision = revision.value_or(0);
  return compact;
}

ToldKeyValue read_key_value(const Json& value, std::string& error) {
  JsonFields fields(value, "a key-value pair", error);
  ToldKeyValue kv;
  kv.key = fields.text("key");
  kv.value = fields.text("value");
  kv.create_revision = fields.number("create_revision");
  kv.mod_revision = fields.number("mod_revision");
  kv.version = fields.number("version");
  kv.lease = fields.number("lease");
  fields.refuse_others();
  return kv;
}

std::optional<std::vector<ToldKeyValue>> read_key_values(const Json* values, std::string& error) {
  if (values == nullptr) return std::nullopt;
  std::vector<ToldKeyValue> kvs;
  for (const Json& value : *values) kvs.push_back(read_key_value(value, error));
  return kvs;
}

Told read_inner(const Json& value, std::string& error) {
  JsonFields fields(value, "a response of a transaction", error);
  Told told;
  if (const Json* range = fields.object("response_range")) {
    told = read_told(Kind::kRange, *range, error);
  } else if (const Json* put = fields.object("response_put")) {
    told = read_told(Kind::kPut, *put, error);
  } else if (const Json* erase = fields.object("response_delete_range")) {
    told = read_told(Kind::kDeleteRange, *erase, error);
  } else if (const Json* txn = fields.object("response_txn")) {
    told = read_told(Kind::kTxn, *txn, error);
  } else {
    fields.complain("must be a response_range, _put, _delete_range or _txn");
  }
  fields.refuse_others();
  return told;
}

Told read_told(Kind kind, const Json& value, std::string& error) {
  JsonFields fields(value, "an answer", error);
  Told told;
  told.kind = kind;
  told.revision = fields.number("revision");
  switch (kind) {
    case Kind::kRange:
      told.kvs = read_key_values(fields.array("kvs"), error);
      told.count = fields.number("count");
      told.more = fields.flag("more");
      break;
    case Kind::kPut:
      // Null says that there was none; an absent field says nothing.
      if (const Json* former = fields.any("prev_kv"); former != nullptr) {
        std::optional<ToldKeyValue> kv;
        if (!former->is_null()) kv = read_key_value(*former, error);
        told.prev_kv = std::move(kv);
      }
      break;
    case Kind::kDeleteRange:
      told.deleted = fields.number("deleted");
      told.kvs = read_key_values(fields.array("prev_kvs"), error);
      break;
    case Kind::kTxn:
      told.succeeded = fields.flag("succeeded");
      if (const Json* responses = fields.array("responses")) {
        std::vector<Told> inner;
        for (const Json& response : *responses) inner.push_back(read_inner(response, error));
        told.responses = std::move(inner);
      }
      break;
    case Kind::kCompact:
      break;
  }
  fields.refuse_others();
  return told;
}

struct KindOf {
  Kind operator()(const apply::RangeRequest&) const { return Kind::kRange; }
  Kind operator()(const apply::PutRequest&) const { return Kind::kPut; }
  Kind operator()(const apply::DeleteRangeRequest&) const { return Kind::kDeleteRange; }
  Kind operator()(const apply::TxnRequest&) const { return Kind::kTxn; }
  Kind operator()(const apply::CompactionRequest&) const { return Kind::kCompact; }
  // A recorded history has no calls about leases.
  template <class Other>
  Kind operator()(const Other&) const {
    return Kind::kRange;
  }
};

}  // namespace

std::optional<Operation> read_request(std::string_view function, const Json& value,
                                      std::string& error) {
  std::optional<Operation> operation;
  if (function == "range") operation = read_range(value, error);
  if (function == "put") operation = read_put(value, error);
  if (function == "delete_range") operation = read_delete(value, error);
  if (function == "txn") operation = read_txn(value, error, 1);
  if (function == "compact") operation = read_compaction(value, error);
  if (!operation && error.empty()) {
    error = "\"f\" must be range, put, delete_range, txn or compact";
  }
  return error.empty() ? operation : std::nullopt;
}

Told read_answer(const Operation& operation, const Json& value, std::string& error) {
  return read_told(std::visit(KindOf{}, operation), value, error);
}

}  // namespace detcd::sim
