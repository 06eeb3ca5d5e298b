// detcd beside a real etcd: the same load on both in one run, round about, as ratios.
#pragma once

#include <string>

#include "bench/load.h"

namespace detcd::bench {

struct CompareOptions {
  std::string detcd;      // Binaries.
  std::string peer;       // Empty: detcd alone, with `scale`.
  std::string directory;  // On a disk; data directories and results go below it.
  std::string json;       // Raw results; empty: directory/compare.json
  std::string readme;     // A file whose text between the benchmark marks is replaced.
  std::string only;       // Rows whose name contains it, or a part of it between bars.
  bool quick = false;     // Fewer, shorter rounds, and a tenth of what there is much of.
  bool scale = false;     // The rows at the edge of what a server is for, instead of the others.
};

// The exit code.
int compare(const CompareOptions& options);

// One load on a cluster that runs already, for profiling: prints a line. The exit code.
int drive(const Load& load);

}  // namespace detcd::bench
