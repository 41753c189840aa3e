/* Does to one thread of a running program what only a debugger can.
 *
 *   thread stop TID        holds it for as long as this runs
 *   thread call TID NR     has it make system call NR, without arguments
 *   thread crash TID       has it run code where there is none
 *
 * Says "READY" when it is done. Linux on x86-64. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(long result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

/* Stops the thread. One that sleeps in a system call then stands right behind the instruction. */
static void seize(pid_t thread)
{
    check(ptrace(PTRACE_SEIZE, thread, 0, 0), "seize");
    check(ptrace(PTRACE_INTERRUPT, thread, 0, 0), "interrupt");
    check(waitpid(thread, NULL, __WALL), "wait");
}

/* Puts the two bytes of `syscall` where the thread stands, and the number where the kernel looks. */
static void call(pid_t thread, long number)
{
    struct user_regs_struct registers;
    check(ptrace(PTRACE_GETREGS, thread, 0, &registers), "read registers");
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, thread, registers.rip, 0);
    check(-errno, "read code");
    check(ptrace(PTRACE_POKETEXT, thread, registers.rip, (word & ~0xffffL) | 0x050f), "write code");
    registers.rax = number;
    registers.orig_rax = -1; /* no call to begin again */
    registers.rdi = registers.rsi = registers.rdx = 0;
    check(ptrace(PTRACE_SETREGS, thread, 0, &registers), "write registers");
    check(ptrace(PTRACE_DETACH, thread, 0, 0), "let go");
}

/* Lets it go on at address 0. */
static void crash(pid_t thread)
{
    struct user_regs_struct registers;
    check(ptrace(PTRACE_GETREGS, thread, 0, &registers), "read registers");
    registers.rip = 0;
    registers.orig_rax = -1; /* no call to begin again */
    check(ptrace(PTRACE_SETREGS, thread, 0, &registers), "write registers");
    check(ptrace(PTRACE_DETACH, thread, 0, 0), "let go");
}

int main(int count, char **words)
{
    if (count < 3)
        return 2;
    pid_t thread = atoi(words[2]);
    seize(thread);
    if (count == 4 && strcmp(words[1], "call") == 0)
        call(thread, atol(words[3]));
    if (strcmp(words[1], "crash") == 0)
        crash(thread);
    puts("READY");
    fflush(stdout);
    /* One that is held and killed is gone for good, and its process with it, when we have seen it. */
    if (strcmp(words[1], "stop") == 0)
        waitpid(thread, NULL, __WALL);
    return 0;
}
