#include "tests/arch/tidy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace detcd::arch {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Every source of ours by its path from the root, without planted and generated ones.
std::map<std::string, std::string> tree() {
  std::map<std::string, std::string> sources;
  const fs::path root = DETCD_SOURCE_DIR;
  for (const char* folder : {"src", "sim", "bench", "tests"}) {
    if (!fs::exists(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string path = fs::relative(entry.path(), root).generic_string();
      const std::string suffix = entry.path().extension().string();
      if ((suffix != ".h" && suffix != ".cc") || path.find("/testdata/") != std::string::npos)
        continue;
      sources.emplace(path, read(entry.path()));
    }
  }
  return sources;
}

std::string print(const std::vector<Violation>& violations) {
  std::string text;
  for (const Violation& v : violations) {
    text += "\n" + v.path + ":" + std::to_string(v.line) + ": " + v.what;
  }
  return text;
}

// What tidy says about one planted piece of code, without the places.
std::string said(const std::string& path, const std::string& source) {
  std::string text;
  for (const Violation& v : tidy(path, source)) text += (text.empty() ? "" : " | ") + v.what;
  return text;
}

TEST(Tree, KeepsTheHouseStyle) {
  const std::map<std::string, std::string> sources = tree();
  ASSERT_GT(sources.size(), 40U);
  std::vector<Violation> violations;
  for (const auto& [path, source] : sources) {
    for (Violation& v : tidy(path, source)) violations.push_back(std::move(v));
  }
  EXPECT_TRUE(violations.empty()) << print(violations);
}

TEST(Tree, DefinesEachNameOnce) {
  const std::vector<Violation> violations = defined_twice(tree());
  EXPECT_TRUE(violations.empty()) << print(violations);
}

TEST(DefinedTwice, SeesNamespacesAndLeavesOutWhatIsHidden) {
  const std::string outer =
      "namespace a::b {\nclass C final : public D {\n};\n}  // namespace a::b\n";
  const std::string hidden = "namespace a::b {\nnamespace {\nclass C {\n};\n}\n}\n";
  const std::string declared = "namespace a::b {\nclass C;\n}\nnamespace a {\nstruct C {\n};\n}\n";
  EXPECT_EQ(defined_twice({{"src/x.h", outer}, {"src/y.cc", hidden}, {"sim/z.h", declared}}),
            std::vector<Violation>{});
  EXPECT_EQ(defined_twice({{"sim/x.h", outer}, {"src/y.h", "\n" + outer}}),
            (std::vector<Violation>{{"src/y.h", 3, "a::b::C is defined in sim/x.h, too"}}));
}

TEST(PutPath, MarksStandWhereTheReadmeSays) {
  const std::vector<Hop> hops = put_path_table(read(fs::path(DETCD_SOURCE_DIR) / "README.md"));
  ASSERT_EQ(hops.size(), 8U);
  const std::map<std::string, std::string> sources = tree();
  for (std::size_t i = 0; i < hops.size(); ++i) {
    EXPECT_EQ(hops[i].number, static_cast<int>(i) + 1);
    // In two pieces, so that this file holds no mark.
    const std::string mark = std::string("// put-") + "path " + std::to_string(i + 1) + "/8";
    const auto file = sources.find("src/" + hops[i].file);
    ASSERT_NE(file, sources.end()) << "no src/" << hops[i].file;
    EXPECT_NE(file->second.find(mark), std::string::npos) << hops[i].file << " lacks " << mark;
    EXPECT_NE(file->second.find(hops[i].function), std::string::npos)
        << hops[i].file << " has no " << hops[i].function;
    for (const auto& [path, source] : sources) {
      const std::size_t first = source.find(mark);
      if (first == std::string::npos) continue;
      EXPECT_EQ(path, file->first) << mark << " stands elsewhere";
      EXPECT_EQ(source.find(mark, first + 1), std::string::npos)
          << mark << " stands twice in " << path;
    }
  }
}

TEST(PutPathTable, ReadsItsRowsOnly) {
  const std::string readme =
      "| # | file | does |\n|---|---|---|\n| 3 | `api/kv_service.cc : put` | validates |\nprose | "
      "4 |\n";
  EXPECT_EQ(put_path_table(readme), (std::vector<Hop>{{3, "api/kv_service.cc", "put"}}));
}

TEST(Strip, EmptiesCommentsAndLiteralsAndKeepsLines) {
  EXPECT_EQ(strip("a // b\nc"), "a     \nc");
  EXPECT_EQ(strip("x = \"a\\\"b\" + 'c';"), "x = \"    \" + ' ';");
  EXPECT_EQ(strip("n = 1'000'000;"), "n = 1'000'000;");
  EXPECT_EQ(strip("r = R\"(a{\nb)\"; d"), "r = R\"   \n  \"; d");
  EXPECT_EQ(strip("a /* {\n */ b"), "a     \n    b");
}

TEST(Functions, AreFoundWithinNamespacesAndClasses) {
  const std::string code =
      "namespace a {\nstruct S : T {\n  S() : x_{1} {\n  }\n  int f() const { return g([] { h(); "
      "}); }\n"
      "  int x_ = 0;\n};\nconstexpr int kTable[] = {1, 2};\nvoid g(int a = 1) {\n  if (a) {\n  "
      "}\n}\n}\n";
  const std::vector<detail::Function> found = detail::functions(code);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(detail::line_of(code, found[0].begin), 3U);
  EXPECT_EQ(detail::line_of(code, found[1].begin), 5U);
  EXPECT_EQ(detail::line_of(code, found[2].begin), 9U);
  EXPECT_EQ(detail::line_of(code, found[2].end), 12U);
}

TEST(Limits, CatchLongFilesHeadersLinesAndFunctions) {
  EXPECT_EQ(said("src/a/a.cc", std::string(600, '\n')), "");
  EXPECT_EQ(said("src/a/a.cc", std::string(601, '\n')),
            "more than 600 lines: split it along a seam");
  EXPECT_EQ(said("src/a/a.h", std::string(251, '\n')),
            "more than 250 lines: split it along a seam");
  EXPECT_EQ(said("src/a/a.cc", std::string(100, 'x')), "");
  EXPECT_EQ(said("src/a/a.cc", std::string(101, 'x')), "more than 100 columns");
  std::string accented;
  for (int i = 0; i < 100; ++i) accented += "é";
  EXPECT_EQ(said("src/a/a.cc", accented), "");
  EXPECT_EQ(said("src/a/a.cc", "void f() {" + std::string(69, '\n') + "}"), "");
  EXPECT_EQ(said("src/a/a.cc", "void f() {" + std::string(70, '\n') + "}"),
            "a function of 71 lines; 70 is the most");
}

TEST(BannedWords, NameWhatToUseInstead) {
  const std::string clock = "auto t = std::chrono::steady_clock::now();";
  EXPECT_EQ(said("src/server/a.cc", clock), "ask runtime::Clock for the time");
  EXPECT_EQ(said("sim/net/a.cc", clock), "ask runtime::Clock for the time");
  EXPECT_EQ(said("src/runtime_asio/a.cc", clock), "");
  EXPECT_EQ(said("src/server/a.cc", "std::random_device d;"), "draw from runtime::Random");
  EXPECT_EQ(said("src/server/a.cc", "int x = rand();"), "draw from runtime::Random");
  EXPECT_EQ(said("src/server/a.cc", "int x = operand();"), "");
  EXPECT_EQ(said("src/server/a.cc", "std::mutex m;"), "use runtime::Scheduler, Mailbox and sync.h");
  EXPECT_EQ(said("src/server/a.cc", "usleep(1);"), "sleep on runtime::Clock");
  EXPECT_EQ(said("src/server/a.cc", "co_await clock.sleep(d);"), "");
  EXPECT_EQ(said("src/server/a.cc", "f(getenv(\"X\"));"), "take the environment as an argument");
  EXPECT_EQ(said("src/raft/a.cc", "std::shared_ptr<int> p;"),
            "own with unique_ptr; shared immutable bytes are base/bytes.h");
  EXPECT_EQ(said("src/server/a.cc", "std::map<Node*, int> m;"),
            "key by an id: the order of addresses differs per run");
  EXPECT_EQ(said("src/a/a.cc", "#define X 1"), "use a constant or a function");
  EXPECT_EQ(said("src/a/a.cc", "using namespace std;"), "name what is used");
  EXPECT_EQ(said("src/a/a.cc", "using namespace std::string_literals;"), "");
  EXPECT_EQ(said("src/a/a.cc", "// std::mutex m; rand()"), "");
}

TEST(Promises, AreFoundInCommentsToo) {
  EXPECT_EQ(said("src/a/a.cc",
                 "// TO"
                 "DO: later"),
            "a promise: open an issue");
  EXPECT_EQ(said("src/a/a.cc",
                 "// FIX"
                 "ME"),
            "a promise: open an issue");
  EXPECT_EQ(said("tests/a/a.cc",
                 "GTEST_"
                 "SKIP();"),
            "a skipped test: mend it");
}

TEST(Promises, AreWholeWords) {
  EXPECT_EQ(said("tests/a/a.cc", "mkdtemp(\"/tmp/XXXXXX\");"), "");
}

TEST(HashedContainers, AreNotIterated) {
  EXPECT_EQ(said("src/server/a.cc", "std::unordered_map<int, int> m;\nfor (auto& x : m) f(x);"),
            "iterates a hashed container: its order differs per run");
  EXPECT_EQ(said("src/server/a.cc", "absl::flat_hash_set<int> m_;\nfor (auto& x : this->m_) f(x);"),
            "iterates a hashed container: its order differs per run");
  EXPECT_EQ(
      said("src/server/a.cc", "std::unordered_map<int, int> m;\nfor (auto& x : n) f(m.at(x));"),
      "");
}

TEST(Await, ThreeFormsAreAllowed) {
  for (const char* code :
       {"{ co_await x; }", "{ auto v = co_await f(a, b); }", "{ co_return co_await f(a); }",
        "{ const Result<Revision> done = co_await kv.put(std::move(put)); }",
        "{ if (ready) co_await x; }", "{ if (ready(a)) co_return co_await x; else co_await y; }",
        "{ for (const X& x : list(a)) co_await f(x); }", "{ done_ = co_await f(x); }",
        "{ for (int i = 0; i < 9; ++i) co_await f(i, a + b); }",
        "{ std::array<int, 3> a = co_await f(x); }", "{ auto [a, b] = co_await f(x); }",
        "{ switch (k) { case Kind::kA: co_await f(); break; } }", "bool operator co_await();"}) {
    EXPECT_EQ(said("src/server/a.cc", code), "") << code;
  }
}

TEST(Await, OtherFormsAreCaught) {
  for (const char* code :
       {"{ if (co_await ready()) f(); }", "{ while (co_await ready()) f(); }", "{ f(co_await x); }",
        "{ auto v = g(co_await x); }", "{ auto v = !co_await x; }", "{ auto v = a + co_await x; }",
        "{ co_return (co_await x).value(); }", "{ n += co_await x; }",
        "{ auto v = a ? co_await x : y; }", "{ return a == co_await x; }"}) {
    EXPECT_EQ(said("src/server/a.cc", code),
              "await as a whole statement, initialiser or return only")
        << code;
  }
  EXPECT_EQ(said("src/server/a.cc", "{ co_await f({.key = k}); }"),
            "name what an awaited call is given: no braces among its arguments");
  EXPECT_EQ(said("src/server/a.cc", "{ auto v = co_await x + 1; }"),
            "name the awaited value before computing with it");
}

TEST(Lambdas, ThatCaptureAreNoCoroutines) {
  const std::string what = "a capturing lambda is no coroutine: pass parameters";
  EXPECT_EQ(said("src/server/a.cc", "auto l = [&]() -> Task<void> { co_await x; };"), what);
  EXPECT_EQ(said("src/server/a.cc", "spawn([this, k](F<int> f) { co_return; });"), what);
  EXPECT_EQ(said("src/server/a.cc", "auto l = [](Clock& c) -> Task<void> { co_await c.tick(); };"),
            "");
  EXPECT_EQ(said("src/server/a.cc", "auto l = [&] { f(); }; co_await x;"), "");
  EXPECT_EQ(said("src/server/a.cc", "a[i] = f(); if (b) { co_await x; }"), "");
}

}  // namespace
}  // namespace detcd::arch
