# cmake -DNM=nm -DLIBRARY_<module>=<archive>… -P symbols.cmake: the undefined symbols of the libraries
# that the simulator links. Time, chance, threads, files and sockets come from the runtime's
# interfaces, so none of these may be reached for directly. Only sim_campaign is not looked at: it
# stands above the simulated world and owns its processes and files. With -DEXPECTED=a,b each of the
# named symbols must be found instead: the self-test.
cmake_minimum_required(VERSION 3.25)

set(forbidden
  "^clock_gettime" "^gettimeofday" "^time$" "^clock_nanosleep" "clock::now\\(\\)" "^timerfd_"
  "std::random_device" "^getrandom" "^getentropy" "^rand$" "^rand_r$" "^srand" "^random$" "^arc4random"
  "^open$" "^open64$" "^openat" "^creat" "^fopen" "^freopen" "^opendir" "^mmap" "^stat$" "^unlink$"
  "std::basic_[io]?fstream" "std::basic_filebuf" "std::filesystem::"
  "^socket$" "^connect$" "^bind$" "^listen$" "^accept4?$" "^getaddrinfo" "^epoll_" "^poll$" "^select$"
  "^pthread_create" "std::thread::" "std::condition_variable" "std::this_thread" "^fork$" "^sched_yield"
  "^nanosleep" "^usleep" "^sleep$" "^getenv" "^secure_getenv" "^getpid" "^gethostname" "^system$")

get_cmake_property(variables VARIABLES)
list(FILTER variables INCLUDE REGEX "^LIBRARY_")
if(NOT variables)
  message(FATAL_ERROR "no libraries to look at")
endif()

set(violations "")
foreach(variable IN LISTS variables)
  string(REGEX REPLACE "^LIBRARY_" "" module ${variable})
  execute_process(COMMAND ${NM} -uC ${${variable}} OUTPUT_VARIABLE text ERROR_QUIET RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NM} -uC ${${variable}} failed")
  endif()
  string(REPLACE ";" "," text "${text}")
  string(REPLACE "[" "(" text "${text}")
  string(REPLACE "]" ")" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^ +[Uvw] (.+)$")
      continue()
    endif()
    string(REGEX REPLACE "@.*$" "" symbol "${CMAKE_MATCH_1}")
    foreach(pattern IN LISTS forbidden)
      if(symbol MATCHES "${pattern}")
        list(APPEND violations "${module}: ${symbol}")
      endif()
    endforeach()
  endforeach()
endforeach()
list(REMOVE_DUPLICATES violations)

string(JOIN "\n  " text ${violations})
if(EXPECTED)
  string(REPLACE "," ";" wanted "${EXPECTED}")
  foreach(symbol IN LISTS wanted)
    if(NOT text MATCHES "${symbol}")
      message(FATAL_ERROR "a planted use of ${symbol} was not seen among:\n  ${text}")
    endif()
  endforeach()
elseif(violations)
  message(FATAL_ERROR "the simulator links what reaches the operating system by itself:\n  ${text}")
endif()
