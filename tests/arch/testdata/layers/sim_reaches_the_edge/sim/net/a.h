#pragma once
#include "app/sink.h"
