// The language of the stories in testdata: one command per line, which changes a cluster of cores
// and prints what became different.
//
//   nodes 5 [term=3] [commit=1] [prevote=off] [quorum=off] [lease=on] [catchup=0] [learners=(n4)]
//   log n1=(1,2) n2=(1)            restart with entries of these terms
//   elect n1 [votes=(n2,n3)]       campaign; of the answers, only those votes arrive
//   replicate n1 to=(n2) [through=2]  appends and answers between them, nothing beyond that index
//   settle | advance 500ms | tick n1 100ms
//   propose n1 a b | read n1 7 | transfer n1 n2
//   change n1 voters=(n1,n2) [learners=(n3)] [joint]
//   hold n1 | sync n1 [count] | crash n1 [keep=1] | start n1 | damage n1 entries=0 term=0
//   cut n1 n2 | isolate n1 | heal | drop | compact n1 | ship n1 n2 | report n1 n2 failed
//   logs | show n1 | applied n1
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster.h"

namespace detcd::raft::testing {

class Scenario {
 public:
  // What the command made different, a line each.
  std::string run(const std::string& line);
  [[nodiscard]] std::vector<std::string> violations() { return cluster_.invariants().violations(); }

 private:
  struct Words {
    std::vector<std::string> plain;
    std::map<std::string, std::string> named;
    [[nodiscard]] NodeId node(std::size_t at) const;
    [[nodiscard]] Number number(const std::string& name, Number otherwise) const;
    [[nodiscard]] NodeSet nodes(const std::string& name) const;
  };
  struct Seen {
    RoleName role = RoleName::kFollower;
    Term term;
    Index last;
    Term last_term;
    Index commit;
  };
  [[nodiscard]] static Words split(const std::string& line);
  std::string perform(const Words& words);
  bool cluster_command(const Words& words);
  bool client_command(const Words& words);
  bool fault_command(const Words& words);
  void make(const Words& words);
  void set_logs(const Words& words);
  void elect(const Words& words);
  void replicate(const Words& words);
  [[nodiscard]] std::string show_logs();
  [[nodiscard]] std::string show(NodeId id);
  [[nodiscard]] std::string differences();
  void remember();

  Cluster cluster_;
  HardState hard_state_;
  std::map<NodeId, Seen, IdOrder> seen_;
};

}  // namespace detcd::raft::testing
