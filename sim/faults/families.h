// The families of faults, each in the file of its name.
#pragma once

#include "sim/faults/fault.h"

namespace detcd::sim {

const Family& crash_family();
const Family& power_loss_family();
const Family& rot_family();
const Family& flip_family();
const Family& rot_snapshot_family();
const Family& pause_family();
const Family& partition_family();
const Family& delay_family();
const Family& reset_family();
const Family& clock_family();
const Family& put_back_family();
const Family& echo_family();
const Family& loss_family();
const Family& reorder_family();
const Family& hold_family();
const Family& bandwidth_family();
const Family& window_family();
const Family& isolate_family();
const Family& ring_family();
const Family& bridge_family();
const Family& swizzle_family();
const Family& half_open_family();
const Family& black_hole_family();
const Family& refuse_family();
const Family& no_answer_family();
const Family& slow_names_family();
const Family& no_names_family();
const Family& stale_names_family();
const Family& freeze_family();
const Family& clock_jump_family();
const Family& wall_drift_family();
const Family& suspend_family();
const Family& slow_cpu_family();
const Family& slow_disk_family();
const Family& add_learner_family();
const Family& promote_family();
const Family& remove_member_family();
const Family& replace_member_family();
const Family& update_peer_url_family();
const Family& move_leader_family();
const Family& mixed_versions_family();
const Family& rolling_upgrade_family();
const Family& write_error_family();
const Family& sync_error_family();
const Family& no_space_family();
const Family& stall_family();
const Family& bad_sector_family();
const Family& lost_write_family();
const Family& misdirected_write_family();
const Family& wipe_family();
const Family& swap_family();
const Family& out_of_memory_family();
const Family& lying_sync_family();
const Family& rare_family();

}  // namespace detcd::sim
