// detcd beside a real etcd: the same load on both in one run, round about, as ratios.
#pragma once

#include <string>

#include "bench/load.h"

namespace detcd::bench {

struct CompareOptions {
  std::string detcd;  // Binaries.
  std::string peer;
  std::string directory;  // On a disk; data directories and results go below it.
  std::string json;       // Raw results; empty: directory/compare.json
  std::string readme;     // A file whose text between the benchmark marks is replaced.
  std::string only;       // Scenarios whose name contains it; empty: all.
  bool quick = false;     // Two rounds of 3 s instead of three of 10 s.
};

// The exit code.
int compare(const CompareOptions& options);

// One load on a cluster that runs already, for profiling: prints a line. The exit code.
int drive(const Load& load);

}  // namespace detcd::bench
