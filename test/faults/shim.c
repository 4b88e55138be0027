/*
 * Preloaded into the real daemon, its keeper and the git it starts: counts the calls that change files below FAULTS_ROOTS, over all these processes, and
 * at number `at` acts - kills the process that calls, or lets the call fail - once, or from there on until the test disarms it. And it sets their clock.
 *
 * FAULTS_CONTROL names a file of 64-bit words that test and processes share (shim.ts): count, at, act (0 nothing, 1 SIGKILL, else 2 + errno),
 * sticky, hits, pid of the first hit, begun, and the milliseconds by which the wall clock is off (the monotonic clock is left alone).
 * Not counted are paths that hold FAULTS_EXCEPT, and, with FAULTS_ONLY="unlink index.lock", all but this call on paths that hold this;
 * with FAULTS_FROM="open origin.json" counting begins at the first such call.
 * FAULTS_LOG, if set, gets a line `<number> <pid> <call> <path>` for each counted call.
 * node and git that are started get the same environment again (the keeper is given none of the daemon's); the tools do not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { COUNT, AT, ACT, STICKY, HITS, PID, BEGUN, CLOCK, WORDS };
enum { PATH_MAX_BYTES = 1024 };

static _Atomic long *control;
static const char *roots, *except, *only, *from, *logFile;
static char preload[600], controlVariable[600], rootsVariable[1200], exceptVariable[200], onlyVariable[200], fromVariable[200], logVariable[600];

static void note(char *into, size_t size, const char *name) {
  const char *value = getenv(name);
  if (value != NULL) snprintf(into, size, "%s=%s", name, value);
}

__attribute__((constructor)) static void attach(void) {
  const char *file = getenv("FAULTS_CONTROL");
  if (file == NULL) return;
  roots = getenv("FAULTS_ROOTS") ? strdup(getenv("FAULTS_ROOTS")) : NULL;
  except = getenv("FAULTS_EXCEPT") ? strdup(getenv("FAULTS_EXCEPT")) : NULL;
  only = getenv("FAULTS_ONLY") ? strdup(getenv("FAULTS_ONLY")) : NULL;
  from = getenv("FAULTS_FROM") ? strdup(getenv("FAULTS_FROM")) : NULL;
  logFile = getenv("FAULTS_LOG") ? strdup(getenv("FAULTS_LOG")) : NULL;
  note(preload, sizeof preload, "LD_PRELOAD");
  note(controlVariable, sizeof controlVariable, "FAULTS_CONTROL");
  note(rootsVariable, sizeof rootsVariable, "FAULTS_ROOTS");
  note(exceptVariable, sizeof exceptVariable, "FAULTS_EXCEPT");
  note(onlyVariable, sizeof onlyVariable, "FAULTS_ONLY");
  note(fromVariable, sizeof fromVariable, "FAULTS_FROM");
  note(logVariable, sizeof logVariable, "FAULTS_LOG");
  int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, WORDS * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (mapped != MAP_FAILED) control = mapped;
}

/* `unlink index.lock`: this call, on a path that holds this. */
static int isCall(const char *wanted, const char *call, const char *path) {
  const char *space = strchr(wanted, ' ');
  return space != NULL && strncmp(wanted, call, (size_t)(space - wanted)) == 0 && strstr(path, space + 1) != NULL;
}

static int isAsked(const char *call, const char *path) {
  if (from != NULL && !control[BEGUN]) {
    if (!isCall(from, call, path)) return 0;
    control[BEGUN] = 1;
  }
  return only == NULL || isCall(only, call, path);
}

/* Is it below one of the roots, which are separated by colons? */
static int isMine(const char *path) {
  if (except != NULL && strstr(path, except) != NULL) return 0;
  for (const char *root = roots; root != NULL && *root != '\0';) {
    const char *end = strchrnul(root, ':');
    if (strncmp(path, root, (size_t)(end - root)) == 0) return 1;
    root = *end == ':' ? end + 1 : end;
  }
  return 0;
}

/* 0: go on; -1: the call fails, errno is set. */
static int reached(const char *call, const char *path) {
  if (path == NULL || !isMine(path) || !isAsked(call, path)) return 0;
  long number = atomic_fetch_add(&control[COUNT], 1) + 1;
  if (logFile != NULL) {
    char line[PATH_MAX_BYTES + 64];
    int length = snprintf(line, sizeof line, "%ld %d %s %s\n", number, getpid(), call, path);
    int fd = syscall(SYS_openat, AT_FDCWD, logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
      syscall(SYS_write, fd, line, (size_t)length);
      syscall(SYS_close, fd);
    }
  }
  long at = control[AT], act = control[ACT];
  if (at == 0 || act == 0 || number < at) return 0;
  /* Only a call that opens a file can run out of handles: it acts at the first of these from `at` on. */
  int needsHandle = act == 2 + EMFILE;
  if (needsHandle && strcmp(call, "open") != 0) return 0;
  if (!control[STICKY] && (needsHandle ? control[HITS] > 0 : number > at)) return 0;
  if (atomic_fetch_add(&control[HITS], 1) == 0) control[PID] = getpid();
  if (act == 1) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
  }
  errno = (int)(act - 2);
  return -1;
}

static int reachedPath(const char *call, int folder, const char *path) {
  char whole[PATH_MAX_BYTES], base[PATH_MAX_BYTES];
  if (control == NULL || roots == NULL || path == NULL) return 0;
  if (path[0] == '/') return reached(call, path);
  if (folder == AT_FDCWD) {
    if (getcwd(base, sizeof base) == NULL) return 0;
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0) return 0;
    base[length] = '\0';
  }
  if (snprintf(whole, sizeof whole, "%s/%s", base, path) >= (int)sizeof whole) return 0;
  return reached(call, whole);
}

static int reachedFile(const char *call, int fd) {
  char link[64], path[PATH_MAX_BYTES];
  if (control == NULL || roots == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int before = errno;
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = before;
  if (length < 0) return 0;
  path[length] = '\0';
  return reached(call, path);
}

#define REAL(type, name, ...)                                   \
  static type (*real)(__VA_ARGS__);                             \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define ON_FILE(type, name, parameters, types, arguments)       \
  type name parameters {                                        \
    static type(*real) types;                                   \
    if (real == NULL) real = (type(*) types)dlsym(RTLD_NEXT, #name); \
    return reachedFile(#name, fd) < 0 ? -1 : real arguments;    \
  }
#define ON_PATH(type, name, folder, parameters, types, arguments) \
  type name parameters {                                        \
    static type(*real) types;                                   \
    if (real == NULL) real = (type(*) types)dlsym(RTLD_NEXT, #name); \
    return reachedPath(#name, folder, path) < 0 ? -1 : real arguments; \
  }

ON_FILE(ssize_t, write, (int fd, const void *from, size_t size), (int, const void *, size_t), (fd, from, size))
ON_FILE(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (int, const void *, size_t, off_t), (fd, from, size, at))
ON_FILE(ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), (int, const void *, size_t, off64_t), (fd, from, size, at))
ON_FILE(ssize_t, writev, (int fd, const struct iovec *from, int count), (int, const struct iovec *, int), (fd, from, count))
ON_FILE(ssize_t, pwritev, (int fd, const struct iovec *from, int count, off_t at), (int, const struct iovec *, int, off_t), (fd, from, count, at))
ON_FILE(ssize_t, pwritev64, (int fd, const struct iovec *from, int count, off64_t at), (int, const struct iovec *, int, off64_t), (fd, from, count, at))
ON_FILE(int, fsync, (int fd), (int), (fd))
ON_FILE(int, fdatasync, (int fd), (int), (fd))
ON_FILE(int, ftruncate, (int fd, off_t size), (int, off_t), (fd, size))
ON_FILE(int, ftruncate64, (int fd, off64_t size), (int, off64_t), (fd, size))
ON_FILE(int, fchmod, (int fd, mode_t mode), (int, mode_t), (fd, mode))
ON_PATH(int, rename, AT_FDCWD, (const char *from, const char *path), (const char *, const char *), (from, path))
ON_PATH(int, link, AT_FDCWD, (const char *from, const char *path), (const char *, const char *), (from, path))
ON_PATH(int, symlink, AT_FDCWD, (const char *to, const char *path), (const char *, const char *), (to, path))
ON_PATH(int, unlink, AT_FDCWD, (const char *path), (const char *), (path))
ON_PATH(int, rmdir, AT_FDCWD, (const char *path), (const char *), (path))
ON_PATH(int, mkdir, AT_FDCWD, (const char *path, mode_t mode), (const char *, mode_t), (path, mode))
ON_PATH(int, chmod, AT_FDCWD, (const char *path, mode_t mode), (const char *, mode_t), (path, mode))
ON_PATH(int, truncate, AT_FDCWD, (const char *path, off_t size), (const char *, off_t), (path, size))
ON_PATH(int, unlinkat, folder, (int folder, const char *path, int flags), (int, const char *, int), (folder, path, flags))
ON_PATH(int, mkdirat, folder, (int folder, const char *path, mode_t mode), (int, const char *, mode_t), (folder, path, mode))

ssize_t copy_file_range(int from, off64_t *fromAt, int fd, off64_t *at, size_t size, unsigned flags) {
  REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
  return reachedFile("copy_file_range", fd) < 0 ? -1 : real(from, fromAt, fd, at, size, flags);
}

#define OPEN(name, folder, parameters, types, arguments)        \
  int name parameters {                                                    \
    static int(*real) types;                                               \
    if (real == NULL) real = (int(*) types)dlsym(RTLD_NEXT, #name);        \
    mode_t mode = 0;                                                       \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {           \
      va_list more;                                                        \
      va_start(more, flags);                                               \
      mode = va_arg(more, mode_t);                                         \
      va_end(more);                                                        \
    }                                                                      \
    if ((flags & (O_CREAT | O_TRUNC)) && reachedPath("open", folder, path) < 0) return -1; \
    return real arguments;                                                 \
  }
OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (const char *, int, ...), (path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (const char *, int, ...), (path, flags, mode))
OPEN(openat, folder, (int folder, const char *path, int flags, ...), (int, const char *, int, ...), (folder, path, flags, mode))
OPEN(openat64, folder, (int folder, const char *path, int flags, ...), (int, const char *, int, ...), (folder, path, flags, mode))

/* The wall clock, as somebody would have set it. */
int clock_gettime(clockid_t id, struct timespec *into) {
  REAL(int, "clock_gettime", clockid_t, struct timespec *);
  int result = real(id, into);
  if (result == 0 && control != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    long offMs = control[CLOCK];
    into->tv_sec += offMs / 1000;
    into->tv_nsec += offMs % 1000 * 1000000;
    if (into->tv_nsec < 0) into->tv_nsec += 1000000000, into->tv_sec--;
    if (into->tv_nsec >= 1000000000) into->tv_nsec -= 1000000000, into->tv_sec++;
  }
  return result;
}
int gettimeofday(struct timeval *restrict into, void *restrict zone) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *into) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (into != NULL) *into = now.tv_sec;
  return now.tv_sec;
}

/* node and git go on under the shim, whatever environment they are given. */
static char **withShim(const char *program, char *const *env) {
  static char *filled[1024];
  const char *slash = strrchr(program, '/');
  const char *name = slash == NULL ? program : slash + 1;
  if (control == NULL || (strcmp(name, "node") != 0 && strcmp(name, "git") != 0)) return (char **)env;
  size_t count = 0;
  for (; env != NULL && env[count] != NULL && count < 1000; count++) {
    if (strncmp(env[count], "FAULTS_CONTROL=", 15) == 0) return (char **)env;
    filled[count] = env[count];
  }
  filled[count++] = preload;
  filled[count++] = controlVariable;
  if (rootsVariable[0] != '\0') filled[count++] = rootsVariable;
  if (exceptVariable[0] != '\0') filled[count++] = exceptVariable;
  if (onlyVariable[0] != '\0') filled[count++] = onlyVariable;
  if (fromVariable[0] != '\0') filled[count++] = fromVariable;
  if (logVariable[0] != '\0') filled[count++] = logVariable;
  filled[count] = NULL;
  return filled;
}

extern char **environ;
int execve(const char *program, char *const arguments[], char *const env[]) {
  REAL(int, "execve", const char *, char *const[], char *const[]);
  return real(program, arguments, withShim(program, env));
}
int execvp(const char *program, char *const arguments[]) {
  REAL(int, "execvpe", const char *, char *const[], char *const[]);
  return real(program, arguments, withShim(program, environ));
}
int execvpe(const char *program, char *const arguments[], char *const env[]) {
  REAL(int, "execvpe", const char *, char *const[], char *const[]);
  return real(program, arguments, withShim(program, env));
}
