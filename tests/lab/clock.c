/* A wall clock that a test sets: CLOCK_REALTIME goes wrong by as many seconds as stand in the file that
 * $CLOCK_OFFSET names, an int64_t, which may change. For LD_PRELOAD; other clocks are the kernel's. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *offset;

/* Before the program begins: later it may open nothing. */
__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("CLOCK_OFFSET");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    offset = map == MAP_FAILED ? NULL : map;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int outcome = syscall(SYS_clock_gettime, clock, time);
    if (outcome == 0 && clock == CLOCK_REALTIME && offset)
        time->tv_sec += *offset;
    return outcome;
}
