// The families of faults, each in the file of its name.
#pragma once

#include "sim/faults/fault.h"

namespace detcd::sim {

const Family& crash_family();
const Family& power_loss_family();
const Family& rot_family();
const Family& rot_snapshot_family();
const Family& pause_family();
const Family& partition_family();
const Family& delay_family();
const Family& reset_family();
const Family& clock_family();
const Family& put_back_family();
const Family& echo_family();
const Family& add_learner_family();
const Family& promote_family();
const Family& remove_member_family();
const Family& replace_member_family();
const Family& update_peer_url_family();
const Family& move_leader_family();
const Family& mixed_versions_family();
const Family& rolling_upgrade_family();

}  // namespace detcd::sim
