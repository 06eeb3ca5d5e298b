#include "scenario.h"

#include <sstream>
#include <stdexcept>

namespace detcd::raft::testing {
namespace {

std::string name(NodeId id) {
  return "n" + std::to_string(id.value());
}
template <class Place>
std::string text(Place place) {
  return std::to_string(place.value());
}

std::vector<std::string> listed(const std::string& list) {
  std::vector<std::string> items;
  std::string item;
  for (const char c : list) {
    if (c == '(' || c == ')') continue;
    if (c == ',') {
      items.push_back(std::exchange(item, {}));
    } else {
      item += c;
    }
  }
  if (!item.empty()) items.push_back(item);
  return items;
}

NodeId node_of(const std::string& word) {
  if (word.size() < 2 || word.front() != 'n') throw std::invalid_argument("not a node: " + word);
  return NodeId(std::stoull(word.substr(1)));
}

bool is_vote(const Message& m) {
  return is<VoteRequest>(m) || is<VoteResponse>(m);
}
bool is_append(const Message& m) {
  return is<AppendRequest>(m) || is<AppendResponse>(m);
}

// Events that a status doesn't show.
bool is_told(const Event& event) {
  return std::holds_alternative<LogTruncated>(event) ||
         std::holds_alternative<ConfigurationChanged>(event) ||
         std::holds_alternative<ChangeRefused>(event) ||
         std::holds_alternative<ProposalDropped>(event) ||
         std::holds_alternative<ReadFailed>(event) ||
         std::holds_alternative<SnapshotNeeded>(event) ||
         std::holds_alternative<RecoveryEnded>(event) ||
         std::holds_alternative<TransferEnded>(event);
}

}  // namespace

NodeId Scenario::Words::node(std::size_t at) const {
  return node_of(plain.at(at));
}

Number Scenario::Words::number(const std::string& key, Number otherwise) const {
  const auto found = named.find(key);
  return found == named.end() ? otherwise : std::stoull(found->second);
}

NodeSet Scenario::Words::nodes(const std::string& key) const {
  NodeSet nodes;
  const auto found = named.find(key);
  if (found == named.end()) return nodes;
  for (const std::string& item : listed(found->second)) nodes.insert(node_of(item));
  return nodes;
}

Scenario::Words Scenario::split(const std::string& line) {
  Words words;
  std::istringstream in(line);
  for (std::string word; in >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      words.plain.push_back(word);
    } else {
      words.named[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return words;
}

std::string Scenario::run(const std::string& line) {
  remember();
  const std::string shown = perform(split(line));
  return shown + differences();
}

std::string Scenario::perform(const Words& words) {
  const std::string& command = words.plain.at(0);
  if (command == "logs") return show_logs();
  if (command == "show") return show(words.node(1));
  if (command == "applied") {
    std::string line = name(words.node(1)) + " applied";
    for (const std::string& entry : cluster_.node(words.node(1)).applied) line += " " + entry;
    return line + "\n";
  }
  const bool known = cluster_command(words) || client_command(words) || fault_command(words);
  if (!known) throw std::invalid_argument("unknown command: " + command);
  return "";
}

bool Scenario::cluster_command(const Words& words) {
  const std::string& command = words.plain[0];
  if (command == "nodes") {
    make(words);
  } else if (command == "log") {
    set_logs(words);
  } else if (command == "elect") {
    elect(words);
  } else if (command == "replicate") {
    replicate(words);
  } else if (command == "settle") {
    cluster_.settle();
  } else if (command == "advance") {
    cluster_.advance(std::stoll(words.plain.at(1)) * 1ms);
  } else if (command == "tick") {
    cluster_.pass(std::stoll(words.plain.at(2)) * 1ms);
    cluster_.tick(words.node(1));
  } else {
    return false;
  }
  return true;
}

bool Scenario::client_command(const Words& words) {
  const std::string& command = words.plain[0];
  if (command == "propose") {
    for (std::size_t i = 2; i < words.plain.size(); ++i) {
      cluster_.propose(words.node(1), words.plain[i]);
    }
  } else if (command == "read") {
    cluster_.step(words.node(1), Read{std::stoull(words.plain.at(2))});
  } else if (command == "transfer") {
    cluster_.step(words.node(1), TransferLeadership{words.node(2)});
  } else if (command == "change") {
    ChangeConfiguration change;
    change.target.voters = words.nodes("voters");
    change.target.learners = words.nodes("learners");
    change.force_joint = words.plain.size() > 2;
    cluster_.step(words.node(1), std::move(change));
  } else if (command == "compact") {
    cluster_.compact(words.node(1));
  } else if (command == "ship") {
    cluster_.send_snapshot(words.node(1), words.node(2));
  } else if (command == "report") {
    cluster_.step(words.node(1), SnapshotReported{words.node(2), words.plain.at(3) != "failed"});
  } else {
    return false;
  }
  return true;
}

bool Scenario::fault_command(const Words& words) {
  const std::string& command = words.plain[0];
  if (command == "hold") {
    cluster_.node(words.node(1)).sync_at_once = false;
  } else if (command == "sync") {
    const bool all = words.plain.size() < 3;
    if (all) cluster_.node(words.node(1)).sync_at_once = true;
    cluster_.sync(words.node(1), all ? SIZE_MAX : std::stoull(words.plain[2]));
  } else if (command == "crash") {
    cluster_.crash(words.node(1), words.number("keep", 0));
    seen_.erase(words.node(1));
  } else if (command == "start") {
    cluster_.start(words.node(1));
  } else if (command == "damage") {
    cluster_.damage(words.node(1), words.number("entries", 0), Term(words.number("term", 0)));
  } else if (command == "forget") {  // As damage, but its shell doesn't know it.
    cluster_.damage(words.node(1), words.number("entries", 0), Term(words.number("term", 0)));
    cluster_.node(words.node(1)).whole = true;
  } else if (command == "doubt") {
    cluster_.doubt(words.node(1));
  } else if (command == "cut") {
    cluster_.cut(words.node(1), words.node(2));
  } else if (command == "isolate") {
    cluster_.isolate(words.node(1));
  } else if (command == "heal") {
    cluster_.heal();
  } else if (command == "drop") {
    cluster_.drop([](const Message&) { return true; });
  } else {
    return false;
  }
  return true;
}

void Scenario::make(const Words& words) {
  Config config;
  const auto is_off = [&](const std::string& key) {
    const auto found = words.named.find(key);
    return found != words.named.end() && found->second == "off";
  };
  config.pre_vote = !is_off("prevote");
  config.check_quorum = !is_off("quorum");
  config.lease_reads = words.named.contains("lease");
  config.catch_up_entries = words.number("catchup", 0);
  cluster_ = Cluster(config);
  hard_state_ = {Term(words.number("term", 0)), std::nullopt, Index(words.number("commit", 0))};
  Configuration configuration;
  configuration.learners = words.nodes("learners");
  const Number count = std::stoull(words.plain.at(1));
  const Number strangers = words.number("strangers", 0);
  for (Number id = 1; id <= count - strangers; ++id) {
    if (!configuration.learners.contains(NodeId(id))) configuration.voters.insert(NodeId(id));
  }
  cluster_.invariants().set_initial(configuration);
  for (Number id = 1; id <= count; ++id) {
    cluster_.add(NodeId(id), id <= count - strangers ? configuration : Configuration{});
  }
  remember();
}

void Scenario::set_logs(const Words& words) {
  for (const auto& [node, terms] : words.named) {
    std::vector<Number> numbers;
    for (const std::string& term : listed(terms)) numbers.push_back(std::stoull(term));
    cluster_.set_log(node_of(node), numbers, hard_state_);
  }
  remember();
}

void Scenario::elect(const Words& words) {
  const NodeId id = words.node(1);
  const NodeSet votes = words.nodes("votes");
  const bool all = !words.named.contains("votes");
  cluster_.drop([](const Message&) { return true; });
  // Longer than stickiness lasts, and too short for anybody's timer to be looked at.
  cluster_.pass(1000ms);
  cluster_.step(id, Campaign{});
  cluster_.deliver([&](const Message& m) {
    const NodeId other = m.from == id ? m.to : m.from;
    return is_vote(m) && (all || votes.contains(other));
  });
  cluster_.drop(is_vote);
}

void Scenario::replicate(const Words& words) {
  const NodeId id = words.node(1);
  const NodeSet to = words.nodes("to");
  const Index through(words.number("through", 1ULL << 40));
  const auto wanted = [&](const Message& m) {
    return is_append(m) && (m.from == id ? to.contains(m.to) : m.to == id && to.contains(m.from));
  };
  // A shorter append is one that the leader might have sent.
  for (int steps = 0; steps < 1000; ++steps) {
    for (Message& m : cluster_.network()) {
      auto* request = std::get_if<AppendRequest>(&m.body);
      if (request == nullptr || !wanted(m)) continue;
      std::erase_if(request->entries, [&](const Entry& e) { return e.index > through; });
    }
    const bool more = cluster_.deliver_one([&](const Message& m) {
      const auto* request = std::get_if<AppendRequest>(&m.body);
      return wanted(m) && (request == nullptr || request->previous_index <= through);
    });
    if (!more) break;
  }
  cluster_.drop(is_append);
}

std::string Scenario::show_logs() {
  std::string all;
  for (auto& [id, node] : cluster_.nodes()) {
    all += name(id) + ":";
    if (!node.core) {
      all += " down\n";
      continue;
    }
    const Status status = node.core->status();
    if (status.first_index > Index(1)) all += " ..." + text(status.first_index.previous());
    for (const Entry& entry : node.core->entries(status.first_index, status.last_index)) {
      all += " " + text(entry.term);
    }
    all += "\n";
  }
  return all;
}

std::string Scenario::show(NodeId id) {
  const Status s = cluster_.status(id);
  std::string all = name(id) + ": " + std::string(name_of(s.role)) + ", term " + text(s.term) +
                    ", leader " + (s.leader ? name(*s.leader) : "none") + ", commit " +
                    text(s.commit) + ", persisted " + text(s.persisted) + ", last " +
                    text(s.last_index) + "\n";
  for (const Status::Peer& peer : s.peers) {
    using State = Status::Peer::State;
    const std::string state = peer.state == State::kProbe       ? "probe"
                              : peer.state == State::kReplicate ? "replicate"
                                                                : "snapshot";
    all += "  " + name(peer.node) + ": " + state + ", match " + text(peer.match) + ", next " +
           text(peer.next) + "\n";
  }
  return all;
}

std::string Scenario::differences() {
  std::string lines;
  for (auto& [id, node] : cluster_.nodes()) {
    for (const Event& event : cluster_.take_events(id)) {
      if (is_told(event)) lines += name(id) + ": " + describe(event) + "\n";
    }
    for (const ReadState& read : cluster_.take_reads(id)) {
      lines += name(id) + ": read " + std::to_string(read.read_id) + " at index " +
               text(read.index) + "\n";
    }
    if (!node.core) continue;
    const Status now = node.core->status();
    const Seen& before = seen_[id];
    if (now.role != before.role || now.term != before.term) {
      lines += name(id) + ": " + std::string(name_of(now.role)) + ", term " + text(now.term) + "\n";
    }
    if (now.last_index != before.last || now.last_term != before.last_term) {
      lines +=
          name(id) + ": last " + text(now.last_index) + " (term " + text(now.last_term) + ")\n";
    }
    if (now.commit != before.commit) lines += name(id) + ": commit " + text(now.commit) + "\n";
  }
  return lines;
}

void Scenario::remember() {
  for (auto& [id, node] : cluster_.nodes()) {
    if (!node.core) continue;
    const Status now = node.core->status();
    seen_[id] = {now.role, now.term, now.last_index, now.last_term, now.commit};
  }
}

}  // namespace detcd::raft::testing
