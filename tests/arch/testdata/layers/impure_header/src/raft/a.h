#pragma once
#include <coroutine>
