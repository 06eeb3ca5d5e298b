// The URLs of members (membership/url.h), by the names they have in what is told at a start.
#pragma once

#include "membership/url.h"

namespace detcd::bootstrap {

using membership::check_bind_urls;
using membership::check_host_urls;
using membership::is_ip;
using membership::join;
using membership::parse_url;
using membership::parse_urls;
using membership::split;
using membership::strings;
using membership::Url;
using membership::Urls;

}  // namespace detcd::bootstrap
