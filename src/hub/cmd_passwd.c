#include "hub/commands.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char help_text[] =
    "Usage: nuthatch passwd\n"
    "\n"
    "Asks for a password (or reads it as one line from a pipe) and prints the line for\n"
    "access.password_hash in hub.yaml. The hash is Argon2id; the password itself is kept nowhere.\n"
    "\n"
    "Example:\n"
    "  nuthatch passwd\n"
    "  echo \"$PASSWORD\" | nuthatch passwd >> hub.yaml\n";

#define PASSWORD_MIN_BYTES 8
#define PASSWORD_MAX_BYTES 128

static bool read_password(const char *prompt, char *out, size_t cap)
{
    struct termios old, quiet;
    bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
    if (is_terminal) {
        fputs(prompt, stderr);
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    bool got = fgets(out, (int)cap, stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        fputc('\n', stderr);
    }
    out[strcspn(out, "\r\n")] = 0;
    return got;
}

int nh_command_passwd(int argc, char **argv)
{
    char password[PASSWORD_MAX_BYTES + 3], again[PASSWORD_MAX_BYTES + 3];
    char hash[NH_PASSWORD_HASH_MAX_BYTES];
    if (argc > 1) {
        bool asked = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        fputs(help_text, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    if (!read_password("Password: ", password, sizeof password))
        return 1;
    size_t len = strlen(password);
    if (len < PASSWORD_MIN_BYTES || len > PASSWORD_MAX_BYTES) {
        fprintf(stderr, "nuthatch passwd: the password has %zu bytes; it needs %d to %d\n", len,
                PASSWORD_MIN_BYTES, PASSWORD_MAX_BYTES);
        return 1;
    }
    if (isatty(STDIN_FILENO) &&
        (!read_password("Again: ", again, sizeof again) || strcmp(password, again) != 0)) {
        fprintf(stderr, "nuthatch passwd: the two are not the same\n");
        return 1;
    }
    int err = nh_password_hash(password, len, hash);
    nh_wipe(password, sizeof password);
    nh_wipe(again, sizeof again);
    if (err < 0) {
        fprintf(stderr, "nuthatch passwd: %s\n", nh_err_text(err));
        return 1;
    }
    printf("access: {user: admin, password_hash: \"%s\"}\n", hash);
    return 0;
}
