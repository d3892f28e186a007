#include "hub/commands.h"
#include "hub/password_file.h"
#include "hub/users.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(NH_PASSWORD_MIN_BYTES == 8 && NH_PASSWORD_MAX_BYTES == 256, "the help says so");

static const char help_text[] =
    "Usage: nuthatch passwd\n"
    "       nuthatch passwd [--scram | --mosquitto] NAME\n"
    "       nuthatch passwd [--scram | --argon2id] --file FILE NAME\n"
    "       nuthatch passwd --delete --file FILE NAME\n"
    "\n"
    "Asks for a password (or reads it as one line from a pipe) and prints the line for hub.yaml:\n"
    "without a name that of access, for the portal and the broker; with a name an element of\n"
    "mqtt.users. With --file the user is put into a password file instead. The password itself is\n"
    "kept nowhere. It has 8 to 256 bytes.\n"
    "\n"
    "  --scram       as the secret of SCRAM-SHA-256: such a user can sign in either way\n"
    "  --mosquitto   as mosquitto_passwd does (PBKDF2); that of a file, if nothing else is said\n"
    "  --argon2id    slow and large by design; that of hub.yaml, if nothing else is said\n"
    "  --file FILE   add NAME to FILE, or change it there\n"
    "  --delete      take NAME out of FILE\n"
    "  --help        this text\n"
    "\n"
    "Example:\n"
    "  nuthatch passwd\n"
    "  echo \"$PASSWORD\" | nuthatch passwd >> hub.yaml\n"
    "  nuthatch passwd --file passwords garden\n";

struct request {
    enum nh_password_form form; // NO_FORM: the usual one
    const char *file, *name;
    bool is_delete;
};

// ---- asking -------------------------------------------------------------------------------------

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

// Asks twice where there is a terminal.
static bool ask(char *password, size_t cap)
{
    char again[NH_PASSWORD_MAX_BYTES + 3];
    if (!read_password("Password: ", password, cap))
        return false;
    size_t len = strlen(password);
    if (len < NH_PASSWORD_MIN_BYTES || len > NH_PASSWORD_MAX_BYTES) {
        fprintf(stderr, "nuthatch passwd: the password has %zu bytes; it needs %d to %d\n", len,
                NH_PASSWORD_MIN_BYTES, NH_PASSWORD_MAX_BYTES);
        return false;
    }
    bool is_same = !isatty(STDIN_FILENO) ||
                   (read_password("Again: ", again, sizeof again) && strcmp(password, again) == 0);
    nh_wipe(again, sizeof again);
    if (!is_same)
        fprintf(stderr, "nuthatch passwd: the two are not the same\n");
    return is_same;
}

// ---- telling ------------------------------------------------------------------------------------

// A name in double quotes, as YAML reads them.
static void print_quoted(const char *name)
{
    putchar('"');
    for (const char *p = name; *p; p++) {
        if (*p == '"' || *p == '\\')
            putchar('\\');
        putchar(*p);
    }
    putchar('"');
}

static int tell(const struct request *r, const char *text)
{
    if (r->file) {
        int err = nh_password_file_set(r->file, r->name, text);
        if (err < 0)
            fprintf(stderr, "nuthatch passwd: %s: %s\n", r->file,
                    err != NH_ERR_NOT_FOUND      ? nh_err_text(err)
                    : access(r->file, F_OK) == 0 ? "there is no such user"
                                                 : "there is no such file");
        return err < 0 ? 1 : 0;
    }
    if (r->name) {
        printf("    - {name: ");
        print_quoted(r->name);
        printf(", password_hash: \"%s\"}\n", text);
    } else {
        printf("access: {user: admin, password_hash: \"%s\"}\n", text);
    }
    return 0;
}

// ---- options ------------------------------------------------------------------------------------

// A name that neither file could hold would only be found out at the next start.
static bool is_name(const char *name)
{
    bool is_right = name[0] && strlen(name) < NH_USER_NAME_MAX_BYTES && !strchr(name, ':') &&
                    strcmp(name, "*") != 0 && strcmp(name, "-") != 0 && name[0] != '#';
    for (const char *p = name; *p; p++)
        is_right = is_right && (unsigned char)*p >= 0x20 && *p != 0x7f;
    if (!is_right)
        fprintf(stderr,
                "nuthatch passwd: \"%s\" is no user name: 1 to %d bytes without : and control "
                "characters, not beginning with #, not * or -\n",
                name, NH_USER_NAME_MAX_BYTES - 1);
    return is_right;
}

// 0: go on, 1: help was asked for, -1: wrong.
static int parse(int argc, char **argv, struct request *r)
{
    static const struct option options[] = {{"scram", no_argument, NULL, 's'},
                                            {"mosquitto", no_argument, NULL, 'm'},
                                            {"argon2id", no_argument, NULL, 'a'},
                                            {"file", required_argument, NULL, 'f'},
                                            {"delete", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;
    *r = (struct request){.form = NH_PASSWORD_NO_FORM};
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help_text, stdout);
            return 1;
        }
        if (c == '?') {
            fprintf(stderr, "nuthatch passwd --help shows the options\n");
            return -1;
        }
        if (c == 'f')
            r->file = optarg;
        else if (c == 'd')
            r->is_delete = true;
        else
            r->form = c == 's'   ? NH_PASSWORD_SCRAM
                      : c == 'm' ? NH_PASSWORD_PBKDF2
                                 : NH_PASSWORD_ARGON2ID;
    }
    r->name = optind < argc ? argv[optind] : NULL;
    bool needs_name = r->file || r->is_delete || r->form != NH_PASSWORD_NO_FORM;
    const char *fault = argc - optind > 1          ? "one NAME at a time"
                        : r->is_delete && !r->file ? "--delete needs --file FILE"
                        : needs_name && !r->name   ? "the NAME of the user is missing"
                                                   : NULL;
    if (fault) {
        fprintf(stderr, "nuthatch passwd: %s; --help shows the usage\n", fault);
        return -1;
    }
    if (r->form == NH_PASSWORD_NO_FORM)
        r->form = r->file ? NH_PASSWORD_PBKDF2 : NH_PASSWORD_ARGON2ID;
    return !r->name || is_name(r->name) ? 0 : -1;
}

int nh_command_passwd(int argc, char **argv)
{
    char password[NH_PASSWORD_MAX_BYTES + 3], text[NH_PASSWORD_TEXT_MAX_BYTES];
    struct request r;
    int stop = parse(argc, argv, &r);
    if (stop != 0)
        return stop > 0 ? 0 : 2;
    if (r.is_delete)
        return tell(&r, NULL);
    if (!ask(password, sizeof password))
        return 1;
    int err = nh_password_text_make(r.form,
                                    (nh_span_t){(const uint8_t *)password, strlen(password)}, text);
    nh_wipe(password, sizeof password);
    if (err < 0) {
        fprintf(stderr, "nuthatch passwd: %s\n", nh_err_text(err));
        return 1;
    }
    return tell(&r, text);
}
