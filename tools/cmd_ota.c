// cmd_ota.c - nuthatch ota: keys, signed images, and sending them to a hub.

#include "components/ota/ota_image.h"
#include "core/base/base64.h"
#include "core/base/format.h"
#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "platform/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help_text[] =
    "Usage: nuthatch ota keygen -o FILE\n"
    "       nuthatch ota sign --key FILE [--version TEXT] [--target TEXT] -o IMAGE PROGRAM\n"
    "       nuthatch ota info [--key FILE] [--json] IMAGE\n"
    "       nuthatch ota push [--user NAME --password-file FILE] IMAGE http://HOST:PORT\n"
    "\n"
    "Makes and sends images for hubs that update themselves (ota.enabled in hub.yaml).\n"
    "\n"
    "  keygen   makes a key; prints the line for ota.key of the hubs. Keep FILE secret.\n"
    "  sign     makes a signed image of a program; the version defaults to this program's,\n"
    "           the target to this machine's\n"
    "  info     tells what an image is; with --key also whether that key signed it\n"
    "  push     sends an image; the hub checks it, restarts into it, and keeps it if it runs well\n"
    "\n"
    "  --key FILE            the file of keygen\n"
    "  -o, --output FILE     what to write; it must not be there yet\n"
    "  --json                one line of JSON\n"
    "  --user, --password-file   for a hub with a password\n"
    "  --help                this text\n"
    "\n"
    "Examples:\n"
    "  nuthatch ota keygen -o release.key\n"
    "  nuthatch ota sign --key release.key --version 0.2.0 -o nuthatch.img build/release/nuthatch\n"
    "  nuthatch ota push nuthatch.img http://192.168.1.20:8080\n";

struct options {
    const char *key, *version, *target, *output, *user, *password_file;
    bool as_json;
    char **args;
    int arg_count;
};

static int complain(const char *what, const char *which)
{
    fprintf(stderr, "nuthatch ota: %s: %s\n", which, what);
    return 1;
}

// ---- files --------------------------------------------------------------------------------------

static bool read_secret(const char *path, uint8_t secret[NH_SIGN_SECRET_BYTES])
{
    char text[2 * NH_SIGN_SECRET_BYTES + 1] = "";
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    for (size_t i = 0; n == sizeof text - 1 && i < NH_SIGN_SECRET_BYTES; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            n = 0;
        secret[i] = (uint8_t)byte;
    }
    nh_wipe(text, sizeof text);
    if (n == 2 * NH_SIGN_SECRET_BYTES)
        return true;
    complain(f ? "is not a key of nuthatch ota keygen" : strerror(errno), path);
    return false;
}

// A file in memory, as long as the program runs.
static const uint8_t *map_file(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *p = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        *len = (size_t)st.st_size;
        p = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
    } else if (fd >= 0) {
        errno = ENODATA;
    }
    int err = errno;
    if (fd >= 0)
        close(fd);
    if (p != MAP_FAILED)
        return p;
    complain(strerror(err), path);
    return NULL;
}

// Nothing is overwritten: a key that is gone locks its hubs out.
static bool write_new(const char *path, mode_t mode, const nh_span_t *parts, size_t count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok = fd >= 0;
    for (size_t i = 0; ok && i < count; i++)
        for (size_t at = 0; ok && at < parts[i].len;) {
            ssize_t n = write(fd, parts[i].ptr + at, parts[i].len - at);
            ok = n > 0;
            at += ok ? (size_t)n : 0;
        }
    int err = errno;
    if (fd >= 0 && close(fd) < 0)
        ok = false;
    if (!ok) {
        complain(strerror(err), path);
        if (fd >= 0)
            unlink(path);
    }
    return ok;
}

// ---- keygen, sign, info -------------------------------------------------------------------------

static int keygen(const struct options *o)
{
    uint8_t key[NH_SIGN_KEY_BYTES], secret[NH_SIGN_SECRET_BYTES];
    char text[2 * NH_SIGN_SECRET_BYTES + 2], line[2 * NH_SIGN_KEY_BYTES + 1];
    if (!o->output || o->arg_count > 0) {
        fprintf(stderr, "nuthatch ota keygen: -o FILE says where the key goes; see --help\n");
        return 2;
    }
    nh_sign_keypair(key, secret);
    nh_format_hex(secret, sizeof secret, text, sizeof text);
    strcat(text, "\n");
    const nh_span_t part = {(const uint8_t *)text, strlen(text)};
    bool ok = write_new(o->output, 0600, &part, 1);
    nh_wipe(text, sizeof text);
    nh_wipe(secret, sizeof secret);
    if (!ok)
        return 1;
    nh_format_hex(key, sizeof key, line, sizeof line);
    printf("%s\n", line);
    if (isatty(STDOUT_FILENO))
        printf("\nThat is the line for hub.yaml:\n\n  ota:\n    enabled: true\n    key: \"%s\"\n\n"
               "%s is the secret half: who has it can replace the program of those hubs.\n",
               line, o->output);
    return 0;
}

static int sign(const struct options *o)
{
    uint8_t secret[NH_SIGN_SECRET_BYTES], head[NH_OTA_HEAD_BYTES];
    struct nh_ota_head h = {0}, back;
    nh_sha256_t hash;
    size_t len;
    if (!o->key || !o->output || o->arg_count != 1) {
        fprintf(stderr, "nuthatch ota sign: needs --key FILE, -o IMAGE and a program\n");
        return 2;
    }
    const char *version = o->version ? o->version : NH_VERSION;
    const char *target = o->target ? o->target : nh_ota_target();
    if (strlen(version) >= sizeof h.version || strlen(target) >= sizeof h.target) {
        fprintf(stderr, "nuthatch ota sign: a version or target has at most %zu characters\n",
                sizeof h.version - 1);
        return 2;
    }
    memcpy(h.version, version, strlen(version));
    memcpy(h.target, target, strlen(target));
    if (!read_secret(o->key, secret))
        return 1;
    const uint8_t *program = map_file(o->args[0], &len);
    if (!program)
        return 1;
    h.payload_bytes = len;
    nh_sha256_init(&hash);
    nh_sha256_update(&hash, program, len);
    nh_sha256_end(&hash, h.sha256);
    nh_ota_head_encode(&h, secret, head);
    nh_wipe(secret, sizeof secret);
    if (nh_ota_head_decode(head, &back) < 0) {
        fprintf(stderr, "nuthatch ota sign: version and target are printable ASCII, not empty\n");
        return 2;
    }
    const nh_span_t parts[] = {{head, sizeof head}, {program, len}};
    if (!write_new(o->output, 0644, parts, NH_ARRAY_LEN(parts)))
        return 1;
    printf("%s: version %s for %s, %zu bytes\n", o->output, h.version, h.target, len + sizeof head);
    return 0;
}

struct judged {
    struct nh_ota_head head;
    bool is_whole, is_signed;
};

// False: it is no image; that was told.
static bool judge(const char *path, const uint8_t *bytes, size_t len, struct judged *out)
{
    uint8_t hash[NH_SHA256_BYTES];
    nh_sha256_t h;
    if (len < NH_OTA_HEAD_BYTES || nh_ota_head_decode(bytes, &out->head) < 0) {
        complain("is no image; nuthatch ota sign makes one of a program", path);
        return false;
    }
    nh_sha256_init(&h);
    nh_sha256_update(&h, bytes + NH_OTA_HEAD_BYTES, len - NH_OTA_HEAD_BYTES);
    nh_sha256_end(&h, hash);
    out->is_whole = out->head.payload_bytes == len - NH_OTA_HEAD_BYTES &&
                    memcmp(hash, out->head.sha256, sizeof hash) == 0;
    return true;
}

static int info(const struct options *o)
{
    struct judged j = {0};
    uint8_t secret[NH_SIGN_SECRET_BYTES];
    char hash[2 * NH_SHA256_BYTES + 1];
    size_t len;
    if (o->arg_count != 1) {
        fprintf(stderr, "nuthatch ota info: which image? See --help\n");
        return 2;
    }
    const uint8_t *bytes = map_file(o->args[0], &len);
    if (!bytes || !judge(o->args[0], bytes, len, &j))
        return 1;
    if (o->key) {
        if (!read_secret(o->key, secret))
            return 1;
        j.is_signed =
            nh_ota_head_verify(bytes, secret + NH_SIGN_SECRET_BYTES - NH_SIGN_KEY_BYTES) == 0;
        nh_wipe(secret, sizeof secret);
    }
    nh_format_hex(j.head.sha256, sizeof j.head.sha256, hash, sizeof hash);
    const char *by = !o->key ? "not asked (--key)" : j.is_signed ? "yes" : "no";
    if (o->as_json)
        printf("{\"version\":\"%s\",\"target\":\"%s\",\"size_bytes\":%llu,\"sha256\":\"%s\","
               "\"whole\":%s,\"signed\":%s}\n",
               j.head.version, j.head.target, (unsigned long long)j.head.payload_bytes, hash,
               j.is_whole ? "true" : "false",
               !o->key       ? "null"
               : j.is_signed ? "true"
                             : "false");
    else
        printf("version  %s\ntarget   %s\nsize     %llu bytes\nSHA-256  %s\nwhole    %s\n"
               "signed   %s\n",
               j.head.version, j.head.target, (unsigned long long)j.head.payload_bytes, hash,
               j.is_whole ? "yes" : "no: it was cut or changed", by);
    return j.is_whole && (!o->key || j.is_signed) ? 0 : 1;
}

// ---- push ---------------------------------------------------------------------------------------

#define REPLY_MAX_BYTES 2048
#define LOOK_MS 250

struct push {
    nh_loop_t *loop;
    nh_http_client_t *client;
    nh_http_request_t *upload, *look;
    struct nh_http_header auth;
    char authorization[400], post_url[300], look_url[300];
    uint64_t look_ms;
    bool is_terminal, is_over;
    int err, status;
    size_t reply_bytes, look_bytes;
    char reply[REPLY_MAX_BYTES], looked[REPLY_MAX_BYTES], reason[160];
};

static int on_head(void *ctx, nh_http_request_t *r, const struct nh_http_reply_head *head)
{
    struct push *p = ctx;
    if (r == p->upload)
        p->status = head->status;
    return 0;
}

static int on_body(void *ctx, nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    struct push *p = ctx;
    char *to = r == p->upload ? p->reply : p->looked;
    size_t *at = r == p->upload ? &p->reply_bytes : &p->look_bytes;
    if (len > REPLY_MAX_BYTES - 1 - *at)
        len = REPLY_MAX_BYTES - 1 - *at;
    memcpy(to + *at, bytes, len);
    *at += len;
    to[*at] = '\0';
    return 0;
}

// What the hub says that it has: what was sent may still be on its way.
static void show(struct push *p)
{
    const char *at = strstr(p->looked, "\"pct\":");
    if (at && strstr(p->looked, "\"receiving\"")) {
        fprintf(stderr, "\r%3lu %% ", strtoul(at + 6, NULL, 10));
        fflush(stderr);
    }
}

static void on_end(void *ctx, nh_http_request_t *r, int err)
{
    struct push *p = ctx;
    if (r == p->look) {
        p->look = NULL;
        if (err == 0)
            show(p);
        return;
    }
    p->upload = NULL;
    p->err = err;
    p->is_over = true;
    snprintf(p->reason, sizeof p->reason, "%s", nh_http_request_reason(r));
    nh_loop_stop(p->loop);
}

static uint64_t look_next(void *ctx)
{
    const struct push *p = ctx;
    return p->is_terminal && !p->look && !p->is_over ? p->look_ms + LOOK_MS : NH_NEVER;
}

static void look_fire(void *ctx, uint64_t now_ms)
{
    struct push *p = ctx;
    const struct nh_http_request_config cfg = {.url = p->look_url,
                                               .headers = &p->auth,
                                               .header_count = p->auth.name ? 1 : 0,
                                               .handler = {p, on_head, on_body, on_end}};
    p->look_ms = now_ms;
    p->look_bytes = 0;
    NH_IGNORE(nh_http_request_start(p->client, &cfg, &p->look)); // then there is no progress shown
}

static int set_authorization(struct push *p, const struct options *o)
{
    char both[200], password[130] = "";
    if (!o->user)
        return 0;
    FILE *f = o->password_file ? fopen(o->password_file, "r") : NULL;
    if (!f || !fgets(password, sizeof password, f)) {
        if (f)
            fclose(f);
        return complain("its first line is the password",
                        o->password_file ? o->password_file : "--password-file");
    }
    fclose(f);
    password[strcspn(password, "\r\n")] = '\0';
    snprintf(both, sizeof both, "%s:%s", o->user, password);
    memcpy(p->authorization, "Basic ", 7);
    int n = nh_base64_encode(both, strlen(both), p->authorization + 6, sizeof p->authorization - 6);
    nh_wipe(both, sizeof both);
    nh_wipe(password, sizeof password);
    p->auth = (struct nh_http_header){"Authorization", p->authorization};
    return n < 0 ? 1 : 0;
}

static int start_push(struct push *p, nh_mem_t *mem, const uint8_t *image, size_t len)
{
    const struct nh_loop_deadline look = {look_next, look_fire, p};
    int err = nh_loop_create(mem, &p->loop);
    if (err == 0)
        err = nh_loop_deadline_add(p->loop, &look);
    const struct nh_http_client_config cfg = {.loop = p->loop, .mem = mem};
    if (err == 0)
        err = nh_http_client_create(&cfg, &p->client);
    const struct nh_http_request_config upload = {.method = "POST",
                                                  .url = p->post_url,
                                                  .headers = &p->auth,
                                                  .header_count = p->auth.name ? 1 : 0,
                                                  .body = image,
                                                  .body_bytes = len,
                                                  .total_ms = 600000,
                                                  .handler = {p, on_head, on_body, on_end}};
    return err < 0 ? err : nh_http_request_start(p->client, &upload, &p->upload);
}

// The hub's own words, out of its reply.
static void print_message(const char *reply)
{
    const char *at = strstr(reply, "\"message\":\"");
    if (at) {
        at += 11;
        fprintf(stderr, "nuthatch ota push: %.*s\n", (int)strcspn(at, "\""), at);
    }
}

static int tell_push(const struct push *p, const char *url, const struct judged *j)
{
    if (p->is_terminal)
        fprintf(stderr, "\r      \r");
    if (p->err < 0 && p->status == 0)
        return complain(p->reason[0] ? p->reason : nh_err_text(p->err), url);
    if (p->status != 200) {
        if (p->status == 404)
            return complain("does not update itself (ota.enabled in its hub.yaml)", url);
        print_message(p->reply);
        return complain("refused the image", url);
    }
    printf("%s restarts into version %s\n", url, j->head.version);
    return 0;
}

static int push(const struct options *o)
{
    struct push p = {0}; // not static: that would be memory of the hub
    struct nh_cli_memory m;
    struct judged j;
    size_t len;
    if (o->arg_count != 2) {
        fprintf(stderr, "nuthatch ota push: needs an image and the hub's address\n");
        return 2;
    }
    const char *url = o->args[1];
    size_t url_len = strlen(url);
    while (url_len > 0 && url[url_len - 1] == '/')
        url_len--;
    const uint8_t *image = map_file(o->args[0], &len);
    if (!image || !judge(o->args[0], image, len, &j))
        return 1;
    if (!j.is_whole)
        return complain("was cut or changed; nothing was sent", o->args[0]);
    if (url_len > 256 || set_authorization(&p, o) != 0 || !nh_cli_memory_open(&m))
        return 1;
    snprintf(p.post_url, sizeof p.post_url, "%.*s/api/ota", (int)url_len, url);
    memcpy(p.look_url, p.post_url, sizeof p.look_url);
    p.is_terminal = isatty(STDERR_FILENO);
    int err = start_push(&p, m.mem, image, len);
    if (err == 0)
        nh_loop_run(p.loop);
    nh_http_client_destroy(p.client);
    if (p.loop)
        nh_loop_destroy(p.loop);
    nh_cli_memory_close(&m);
    nh_wipe(p.authorization, sizeof p.authorization);
    return err < 0 ? complain(nh_err_text(err), url) : tell_push(&p, url, &j);
}

// ---- the verb -----------------------------------------------------------------------------------

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},
        {"version", required_argument, NULL, 'v'},
        {"target", required_argument, NULL, 't'},
        {"output", required_argument, NULL, 'o'},
        {"user", required_argument, NULL, 'u'},
        {"password-file", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        switch (c) {
        case 'k':
            o->key = optarg;
            break;
        case 'v':
            o->version = optarg;
            break;
        case 't':
            o->target = optarg;
            break;
        case 'o':
            o->output = optarg;
            break;
        case 'u':
            o->user = optarg;
            break;
        case 'p':
            o->password_file = optarg;
            break;
        case 'j':
            o->as_json = true;
            break;
        case 'h':
            fputs(help_text, stdout);
            return 1;
        default:
            fprintf(stderr, "nuthatch ota --help shows the options\n");
            return -1;
        }
    }
    o->args = argv + optind;
    o->arg_count = argc - optind;
    return 0;
}

int nh_command_ota(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct options *o);
    } verbs[] = {{"keygen", keygen}, {"sign", sign}, {"info", info}, {"push", push}};
    struct options o = {0};
    int stop = parse(argc, argv, &o);
    if (stop != 0)
        return stop > 0 ? 0 : 2;
    for (size_t i = 0; o.arg_count > 0 && i < NH_ARRAY_LEN(verbs); i++)
        if (strcmp(o.args[0], verbs[i].name) == 0) {
            o.args++;
            o.arg_count--;
            return verbs[i].run(&o);
        }
    fprintf(stderr, "nuthatch ota: keygen, sign, info or push? See --help\n");
    return 2;
}
