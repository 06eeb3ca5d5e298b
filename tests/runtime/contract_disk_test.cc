// Disks and files keep these promises in every world.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "runtime/task_group.h"
#include "runtime/timeout.h"
#include "runtime/wait.h"
#include "tests/runtime/world_fixture.h"

namespace detcd::test {

namespace {

using runtime::DirectoryEntry;
using runtime::Disk;
using runtime::File;
using runtime::OpenMode;
using runtime::Task;
using runtime::TaskGroup;
using runtime::World;
using FilePtr = std::unique_ptr<File>;

using DiskContract = Contract;

Task<FilePtr> open(Disk& disk, std::string path, OpenMode mode) {
  auto opened = co_await disk.open(std::move(path), mode);
  co_return must(std::move(opened));
}

Task<void> write(File& file, std::uint64_t offset, std::string bytes) {
  const Result<void> written = co_await file.write(offset, std::move(bytes));
  must(written);
}

Task<std::string> read(File& file, std::uint64_t offset, std::size_t length) {
  Result<std::string> bytes = co_await file.read(offset, length);
  co_return must(std::move(bytes));
}

Task<void> must_do(Task<Result<void>> task) {
  const Result<void> done = co_await std::move(task);
  must(done);
}

Task<std::uint64_t> size_of(File& file) {
  Result<std::uint64_t> size = co_await file.size();
  co_return must(std::move(size));
}

template <class T>
Task<std::optional<Errc>> failure(Task<Result<T>> task) {
  const Result<T> result = co_await std::move(task);
  co_return error_of(result);
}

Task<void> read_and_write(World world) {
  const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
  co_await write(*file, 0, "hello world");
  co_await write(*file, 6, "there");
  const std::string middle = co_await read(*file, 4, 4);
  EXPECT_EQ(middle, "o th");
  const std::string tail = co_await read(*file, 6, 100);
  EXPECT_EQ(tail, "there") << "fewer only at the end";
  const std::string beyond = co_await read(*file, 1000, 10);
  EXPECT_EQ(beyond, "");
  // A write beyond the end leaves zeros before it.
  co_await write(*file, 13, "x");
  const std::string all = co_await read(*file, 0, 100);
  EXPECT_EQ(all, std::string("hello there\0\0x", 14));
}

TEST_P(DiskContract, ReadsAndWritesGoWhereTheyAreTold) {
  world_->run([](World world) { return read_and_write(world); });
}

Task<void> large_file(World world) {
  std::string bytes(5 * kMiB + 3, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 2654435761U >> 24);
  }
  const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
  co_await write(*file, 7, bytes);
  const std::string back = co_await read(*file, 7, bytes.size());
  EXPECT_TRUE(back == bytes);
}

TEST_P(DiskContract, LargeReadsAndWritesAreWhole) {
  world_->run([](World world) { return large_file(world); });
}

Task<void> try_reads(World world) {
  const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
  co_await write(*file, 0, "0123456789");
  const Result<std::string> inside = file->try_read(2, 3);
  EXPECT_TRUE(inside ? *inside == "234" : inside.error().code == Errc::kWouldBlock);
  const Result<std::string> end = file->try_read(8, 10);
  EXPECT_TRUE(end ? *end == "89" : end.error().code == Errc::kWouldBlock);
}

TEST_P(DiskContract, TryReadAnswersAtOnceOrNotAtAll) {
  world_->run([](World world) { return try_reads(world); });
}

Task<void> open_modes(World world) {
  Disk& disk = world.disk;
  const auto missing = co_await failure(disk.open("file", OpenMode::kRead));
  EXPECT_EQ(missing, Errc::kNotFound);
  const auto missing_too = co_await failure(disk.open("file", OpenMode::kReadWrite));
  EXPECT_EQ(missing_too, Errc::kNotFound);
  const auto nowhere = co_await failure(disk.open("no/such/file", OpenMode::kCreate));
  EXPECT_EQ(nowhere, Errc::kNotFound);
  {
    const FilePtr made = co_await open(disk, "file", OpenMode::kCreateNew);
    co_await write(*made, 0, "kept");
  }
  const auto there = co_await failure(disk.open("file", OpenMode::kCreateNew));
  EXPECT_EQ(there, Errc::kExists);
  const FilePtr again = co_await open(disk, "file", OpenMode::kCreate);
  const std::string kept = co_await read(*again, 0, 10);
  EXPECT_EQ(kept, "kept") << "kCreate doesn't empty a file";
}

TEST_P(DiskContract, OpenModesSayWhatMustAndMustNotExist) {
  world_->run([](World world) { return open_modes(world); });
}

Task<void> resize(World world) {
  const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
  co_await write(*file, 0, "0123456789");
  co_await must_do(file->truncate(4));
  const std::uint64_t cut = co_await size_of(*file);
  EXPECT_EQ(cut, 4u);
  // What was cut off doesn't come back.
  co_await must_do(file->truncate(6));
  const std::string longer = co_await read(*file, 0, 100);
  EXPECT_EQ(longer, std::string("0123\0\0", 6));
  co_await must_do(file->allocate(100'000));
  const std::uint64_t allocated = co_await size_of(*file);
  EXPECT_EQ(allocated, 100'000u);
  const std::string zeros = co_await read(*file, 4, 100'000);
  EXPECT_EQ(zeros, std::string(99'996, '\0'));
  co_await must_do(file->allocate(10));
  const std::uint64_t same = co_await size_of(*file);
  EXPECT_EQ(same, 100'000u) << "allocate never shortens";
  const std::string head = co_await read(*file, 0, 4);
  EXPECT_EQ(head, "0123");
}

TEST_P(DiskContract, TruncateAndAllocateLeaveZerosWhereNothingWasWritten) {
  world_->run([](World world) { return resize(world); });
}

Task<void> write_and_sync(File& file, std::uint64_t offset, std::string bytes) {
  co_await write(file, offset, std::move(bytes));
  co_await must_do(file.sync());
}

Task<void> sync_many(World world) {
  const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
  co_await must_do(world.disk.sync_directory(""));
  TaskGroup tasks(world.scheduler);
  for (std::uint64_t i = 0; i < 20; ++i) {
    tasks.spawn(write_and_sync(*file, i, std::string(1, static_cast<char>('a' + i))));
  }
  co_await tasks.join();
  const std::string all = co_await read(*file, 0, 100);
  EXPECT_EQ(all, "abcdefghijklmnopqrst");
}

TEST_P(DiskContract, WritesAndSyncsOfManyTasksAllHappen) {
  world_->run([](World world) { return sync_many(world); });
}

Task<void> write_and_sync_at_once(File& file, std::uint64_t offset, std::string bytes) {
  co_await must_do(file.write_and_sync(offset, std::move(bytes)));
}

Task<void> sync_with_writes(World world) {
  const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
  TaskGroup tasks(world.scheduler);
  for (std::uint64_t i = 0; i < 20; ++i) {
    tasks.spawn(write_and_sync_at_once(*file, i / 2, std::string(1, static_cast<char>('a' + i))));
  }
  co_await tasks.join();
  const std::string all = co_await read(*file, 0, 100);
  EXPECT_EQ(all, "bdfhjlnprt") << "operations of one file keep their order";
}

TEST_P(DiskContract, AWriteWithItsSyncIsInItsFilesOrder) {
  world_->run([](World world) { return sync_with_writes(world); });
}

Task<void> overwrite(World world, File& file, int times) {
  for (int i = 0; i < times; ++i) {
    const auto gone = co_await runtime::with_timeout(world.scheduler, world.clock.boot(),
                                                     file.write(0, std::string(1000, 'x')));
    static_cast<void>(gone);
  }
}

// Abandoned, not cancelled: the write that was asked for last lands last.
Task<void> abandon_writes(World world) {
  const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
  co_await overwrite(world, *file, 20);
  co_await write(*file, 0, std::string(1000, 'y'));
  const std::string all = co_await read(*file, 0, 2000);
  EXPECT_EQ(all, std::string(1000, 'y'));
}

TEST_P(DiskContract, AnAbandonedWriteNeverLandsAfterALaterOne) {
  world_->run([](World world) { return abandon_writes(world); });
}

Task<void> start_write(File& file, bool& finished) {
  const Result<void> written = co_await file.write(0, "abandoned");
  finished = written.ok();
}

Task<void> abandon_one_write(World world) {
  bool finished = false;
  {
    const FilePtr file = co_await open(world.disk, "file", OpenMode::kCreate);
    TaskGroup tasks(world.scheduler);
    tasks.spawn(start_write(*file, finished));
    co_await runtime::yield(world.scheduler);
    co_await runtime::yield(world.scheduler);
  }
  EXPECT_FALSE(finished);
  co_await runtime::sleep_for(world.scheduler, 50ms);
  EXPECT_FALSE(finished) << "a destroyed task isn't resumed";
}

TEST_P(DiskContract, ATaskDestroyedDuringAWriteIsNotResumed) {
  world_->run([](World world) { return abandon_one_write(world); });
}

Task<void> make_file(Disk& disk, std::string path, std::string bytes) {
  const FilePtr file = co_await open(disk, std::move(path), OpenMode::kCreate);
  co_await write(*file, 0, std::move(bytes));
}

Task<std::vector<DirectoryEntry>> list(Disk& disk, std::string path) {
  Result<std::vector<DirectoryEntry>> entries = co_await disk.list(std::move(path));
  co_return must(std::move(entries));
}

DirectoryEntry file_entry(std::string name, std::uint64_t size) {
  return {.name = std::move(name), .is_directory = false, .size = size};
}

Task<void> names(World world) {
  Disk& disk = world.disk;
  co_await must_do(disk.make_directory("a/b/c"));
  co_await must_do(disk.make_directory("a/b"));
  for (const char* name : {"a/b/zebra", "a/b/10", "a/b/9", "a/b/Ant"}) {
    co_await make_file(disk, name, name);
  }
  const DirectoryEntry inner{.name = "c", .is_directory = true};
  const auto before = co_await list(disk, "a/b");
  EXPECT_EQ(before, (std::vector{file_entry("10", 6), file_entry("9", 5), file_entry("Ant", 7),
                                 inner, file_entry("zebra", 9)}));
  co_await must_do(disk.rename("a/b/zebra", "a/b/9"));
  co_await must_do(disk.rename("a/b/Ant", "a/b/c/ant"));
  co_await must_do(disk.remove("a/b/10"));
  co_await must_do(disk.sync_directory("a/b"));
  const auto after = co_await list(disk, "a/b");
  EXPECT_EQ(after, (std::vector{file_entry("9", 9), inner}));
  const auto moved = co_await list(disk, "a/b/c");
  EXPECT_EQ(moved, (std::vector{file_entry("ant", 7)}));
}

TEST_P(DiskContract, NamesAreMadeListedInOrderRenamedAndRemoved) {
  world_->run([](World world) { return names(world); });
}

Task<void> missing_names(World world) {
  Disk& disk = world.disk;
  const auto listed = co_await failure(disk.list("nowhere"));
  EXPECT_EQ(listed, Errc::kNotFound);
  const auto renamed = co_await failure(disk.rename("nothing", "something"));
  EXPECT_EQ(renamed, Errc::kNotFound);
  const auto removed = co_await failure(disk.remove("nothing"));
  EXPECT_EQ(removed, Errc::kNotFound);
  const auto synced = co_await failure(disk.sync_directory("nowhere"));
  EXPECT_EQ(synced, Errc::kNotFound);
  const auto locked = co_await failure(disk.lock("nowhere"));
  EXPECT_EQ(locked, Errc::kNotFound);
  co_await make_file(disk, "file", "");
  const auto made = co_await failure(disk.make_directory("file"));
  EXPECT_EQ(made, Errc::kExists);
}

TEST_P(DiskContract, MissingNamesAreNotFound) {
  world_->run([](World world) { return missing_names(world); });
}

Task<void> rename_open_file(World world) {
  const FilePtr file = co_await open(world.disk, "old", OpenMode::kCreate);
  co_await make_file(world.disk, "new", "replaced");
  co_await must_do(world.disk.rename("old", "new"));
  co_await write(*file, 0, "through the old handle");
  const FilePtr again = co_await open(world.disk, "new", OpenMode::kRead);
  const std::string bytes = co_await read(*again, 0, 100);
  EXPECT_EQ(bytes, "through the old handle");
}

TEST_P(DiskContract, AnOpenFileFollowsItsRename) {
  world_->run([](World world) { return rename_open_file(world); });
}

Task<void> lock_twice(World world) {
  Disk& disk = world.disk;
  co_await must_do(disk.make_directory("data"));
  {
    auto first = co_await disk.lock("data");
    const auto held = must(std::move(first));
    const auto second = co_await failure(disk.lock("data"));
    EXPECT_EQ(second, Errc::kBusy);
  }
  const auto third = co_await failure(disk.lock("data"));
  EXPECT_EQ(third, std::nullopt) << "given back";
  const auto entries = co_await list(disk, "data");
  EXPECT_TRUE(entries.size() == 1 && entries[0].name == "LOCK");
}

TEST_P(DiskContract, ADirectoryLockHasOneHolder) {
  world_->run([](World world) { return lock_twice(world); });
}

Task<void> no_space(World world, std::string path) {
  const FilePtr file = co_await open(world.disk, std::move(path), OpenMode::kReadWrite);
  const auto written = co_await failure(file->write(0, std::string(10'000, 'x')));
  EXPECT_EQ(written, Errc::kNoSpace);
}

TEST_P(DiskContract, AWriteWithoutRoomSaysSo) {
  const std::optional<std::string> path = world_->full_file();
  if (!path) return;  // Of a simulated disk, sim/disk's own tests show this.
  world_->run([&](World world) { return no_space(world, *path); });
}

Task<void> ask_space(World world) {
  const Result<std::uint64_t> space = co_await world.disk.space("");
  EXPECT_TRUE(space && *space > 0);
}

TEST_P(DiskContract, SpaceIsKnown) {
  world_->run([](World world) { return ask_space(world); });
}

INSTANTIATE_TEST_SUITE_P(Worlds, DiskContract, testing::ValuesIn(all_worlds()), name_of_world);

}  // namespace

}  // namespace detcd::test
