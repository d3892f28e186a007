#include "hub/accounts.h"

#include "core/base/log.h"
#include "core/base/utf8.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>

struct entry {
    struct nh_account account; // first
    uint32_t stamp;            // another one with each password, and each time it is disabled
};

struct list {
    uint32_t count;
    struct entry entry[NH_HUB_ACCOUNT_MAX_COUNT];
};

struct nh_accounts {
    struct nh_accounts_config cfg;
    struct list *list;
    struct entry file; // no name: there is none
    uint32_t next_stamp;
    bool is_broken; // the document is there, but cannot be read
};

// What is kept says "operator"; "user" is how an operator was called before.
static const char *const role_names[] = {"user", "operator", "admin", NULL};
_Static_assert(NH_ROLE_OPERATOR == 1 && NH_ROLE_ADMIN == 2, "the places of their names");

static const nh_json_field_t account_fields[] = {
    {.name = "name",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct nh_account, name)},
    {.name = "role",
     .type = NH_JSON_T_ENUM,
     .names = role_names,
     .required = true,
     NH_JSON_AT(struct nh_account, role)},
    {.name = "password_hash",
     .type = NH_JSON_T_STRING,
     .required = true,
     .is_secret = true,
     NH_JSON_AT(struct nh_account, password_hash)},
    {.name = "enabled", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct nh_account, enabled)},
    {.name = "must_change", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct nh_account, must_change)},
    NH_JSON_FIELDS_END};

static const nh_json_field_t account_element = {
    .type = NH_JSON_T_OBJECT, .fields = account_fields, .size = sizeof(struct entry)};

static const nh_json_field_t document_fields[] = {{.name = "accounts",
                                                   .type = NH_JSON_T_ARRAY,
                                                   .required = true,
                                                   .element = &account_element,
                                                   .offset = offsetof(struct list, entry),
                                                   .count_offset = offsetof(struct list, count),
                                                   .count_max = NH_HUB_ACCOUNT_MAX_COUNT},
                                                  NH_JSON_FIELDS_END};

int nh_accounts_name_check(const char *name)
{
    size_t len = strlen(name);
    if (len >= NH_AUTH_USER_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == ':')
            return NH_ERR_INVAL;
    return len && nh_utf8_is_valid(name, len, false) ? NH_OK : NH_ERR_INVAL;
}

// ---- reading ------------------------------------------------------------------------------------

static int check_entry(const struct entry *e)
{
    bool is_hash = strncmp(e->account.password_hash, "$argon2id$", 10) == 0;
    return is_hash ? nh_accounts_name_check(e->account.name) : NH_ERR_CORRUPT;
}

static int read_document(nh_accounts_t *a, char *text, size_t size, uint32_t generation)
{
    size_t len = 0;
    while (len < size) {
        int n =
            nh_store_read(a->cfg.store, NH_ACCOUNTS_DOC, generation, len, text + len, size - len);
        if (n <= 0)
            return n < 0 ? n : NH_ERR_CORRUPT;
        len += (size_t)n;
    }
    int err =
        nh_json_decode(text, len, document_fields, a->list, NULL, NULL, NH_DECODE_UNKNOWN_IS_ERROR);
    for (uint32_t i = 0; i < a->list->count && err == 0; i++) {
        struct entry *e = &a->list->entry[i];
        if (e->account.role == NH_ROLE_NONE)
            e->account.role = NH_ROLE_OPERATOR;
        e->stamp = a->next_stamp++;
        err = check_entry(e);
    }
    return err;
}

static int load(nh_accounts_t *a)
{
    struct nh_store_doc_info info;
    int err = nh_store_stat(a->cfg.store, NH_ACCOUNTS_DOC, &info);
    if (err == NH_ERR_NOT_FOUND)
        return NH_OK;
    if (err < 0)
        return err;
    char *text = nh_mem_alloc(a->cfg.mem, (size_t)info.size_bytes + 1, NH_MEM_BULK);
    if (!text)
        return NH_ERR_NOMEM;
    err = read_document(a, text, (size_t)info.size_bytes, info.generation);
    nh_wipe(text, (size_t)info.size_bytes);
    nh_mem_free(a->cfg.mem, text);
    return err;
}

int nh_accounts_create(const struct nh_accounts_config *cfg, nh_accounts_t **out)
{
    *out = NULL;
    nh_accounts_t *a = nh_mem_alloc_zero(cfg->mem, sizeof *a, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    a->cfg = *cfg;
    a->next_stamp = 1;
    a->list = nh_mem_alloc_zero(cfg->mem, sizeof *a->list, NH_MEM_BULK);
    int err = !a->list ? NH_ERR_NOMEM : cfg->store ? load(a) : NH_OK;
    if (err == NH_ERR_NOMEM) {
        nh_accounts_destroy(a);
        return err;
    }
    if (err < 0) {
        memset(a->list, 0, sizeof *a->list);
        a->is_broken = true;
        NH_LOG_E("access",
                 "the portal's accounts cannot be read (%s): only that of hub.yaml may sign in",
                 nh_err_text(err));
    }
    *out = a;
    return NH_OK;
}

static void free_list(nh_accounts_t *a, struct list *l)
{
    if (l)
        nh_wipe(l, sizeof *l);
    nh_mem_free(a->cfg.mem, l);
}

void nh_accounts_destroy(nh_accounts_t *a)
{
    if (!a)
        return;
    free_list(a, a->list);
    nh_wipe(&a->file, sizeof a->file);
    nh_mem_free(a->cfg.mem, a);
}

void nh_accounts_file_set(nh_accounts_t *a, const char *user, const char *hash)
{
    struct nh_account *f = &a->file.account;
    if (strcmp(f->name, hash[0] ? user : "") == 0 && strcmp(f->password_hash, hash) == 0)
        return;
    *f = (struct nh_account){.role = NH_ROLE_ADMIN, .enabled = true};
    snprintf(f->name, sizeof f->name, "%s", hash[0] ? user : "");
    snprintf(f->password_hash, sizeof f->password_hash, "%s", hash);
    a->file.stamp = a->next_stamp++;
}

// ---- asking -------------------------------------------------------------------------------------

static bool has_file(const nh_accounts_t *a)
{
    return a->file.account.name[0] != '\0';
}

bool nh_accounts_is_of_file(const nh_accounts_t *a, const char *name)
{
    return has_file(a) && strcmp(a->file.account.name, name) == 0;
}

bool nh_accounts_is_required(const nh_accounts_t *a)
{
    return has_file(a) || a->is_broken || a->list->count > 0;
}

static const struct entry *entry_of(const nh_accounts_t *a, const char *name)
{
    if (nh_accounts_is_of_file(a, name))
        return &a->file;
    for (uint32_t i = 0; i < a->list->count; i++)
        if (strcmp(a->list->entry[i].account.name, name) == 0)
            return &a->list->entry[i];
    return NULL;
}

bool nh_accounts_find(const nh_accounts_t *a, const char *name, struct nh_auth_account *out)
{
    const struct entry *e = entry_of(a, name);
    if (!e || !e->account.enabled)
        return false;
    *out = (struct nh_auth_account){.role = (enum nh_role)e->account.role,
                                    .must_change = e->account.must_change,
                                    .is_fixed = e == &a->file,
                                    .stamp = e->stamp};
    return true;
}

const struct nh_account *nh_accounts_get(const nh_accounts_t *a, const char *name)
{
    const struct entry *e = entry_of(a, name);
    return e ? &e->account : NULL;
}

const struct nh_account *nh_accounts_at(const nh_accounts_t *a, size_t index)
{
    if (has_file(a) && index-- == 0)
        return &a->file.account;
    return index < a->list->count ? &a->list->entry[index].account : NULL;
}

uint32_t nh_accounts_count(const nh_accounts_t *a)
{
    return a->list->count;
}

// ---- changing -----------------------------------------------------------------------------------

static int write_sink(void *ctx, const char *bytes, size_t len)
{
    return nh_store_write(ctx, bytes, len);
}

static int store(const nh_accounts_t *a, const struct list *l)
{
    nh_store_write_t *w;
    nh_json_writer_t json;
    int err = nh_store_write_begin(a->cfg.store, NH_ACCOUNTS_DOC, 0, &w);
    if (err < 0)
        return err;
    nh_json_writer_init(&json, write_sink, w);
    nh_json_encode_struct(&json, document_fields, l, 0);
    err = nh_json_writer_end(&json);
    if (err < 0) {
        nh_store_write_abort(w);
        return err;
    }
    err = nh_store_write_commit(w);
    return err < 0 ? err : NH_OK;
}

static bool has_admin(const nh_accounts_t *a, const struct list *l)
{
    bool found = has_file(a);
    for (uint32_t i = 0; i < l->count; i++)
        found |= l->entry[i].account.role == NH_ROLE_ADMIN && l->entry[i].account.enabled;
    return found;
}

// A copy of the list, to be changed; then put() writes it and puts it in the list's place, or not.
static int stage(nh_accounts_t *a, struct list **out)
{
    if (!a->cfg.store || a->is_broken)
        return NH_ERR_UNSUPPORTED;
    *out = nh_mem_alloc(a->cfg.mem, sizeof **out, NH_MEM_BULK);
    if (!*out)
        return NH_ERR_NOMEM;
    **out = *a->list;
    return NH_OK;
}

static int put(nh_accounts_t *a, struct list *staged)
{
    int err = has_admin(a, staged) ? store(a, staged) : NH_ERR_CONFLICT;
    struct list *old = err < 0 ? staged : a->list;
    if (err == NH_OK)
        a->list = staged;
    free_list(a, old);
    return err;
}

int nh_accounts_add(nh_accounts_t *a, const struct nh_account *account)
{
    struct list *l;
    int err = nh_accounts_name_check(account->name);
    if (err == NH_OK && entry_of(a, account->name))
        err = NH_ERR_EXISTS;
    if (err == NH_OK &&
        (a->list->count >= a->cfg.max_count || a->list->count >= NH_HUB_ACCOUNT_MAX_COUNT))
        err = NH_ERR_FULL;
    if (err == NH_OK)
        err = stage(a, &l);
    if (err != NH_OK)
        return err;
    l->entry[l->count++] = (struct entry){.account = *account, .stamp = a->next_stamp++};
    return put(a, l);
}

static int stage_of(nh_accounts_t *a, const char *name, struct list **l, uint32_t *index)
{
    const struct entry *e = entry_of(a, name);
    if (!e || e == &a->file)
        return e ? NH_ERR_DENIED : NH_ERR_NOT_FOUND;
    *index = (uint32_t)(e - a->list->entry);
    return stage(a, l);
}

int nh_accounts_change(nh_accounts_t *a, const struct nh_account *account)
{
    struct list *l;
    uint32_t i;
    int err = stage_of(a, account->name, &l, &i);
    if (err < 0)
        return err;
    struct entry *e = &l->entry[i];
    bool is_new = strcmp(e->account.password_hash, account->password_hash) != 0 ||
                  e->account.enabled != account->enabled;
    e->account = *account;
    e->stamp = is_new ? a->next_stamp++ : e->stamp;
    return put(a, l);
}

int nh_accounts_remove(nh_accounts_t *a, const char *name)
{
    struct list *l;
    uint32_t i;
    int err = stage_of(a, name, &l, &i);
    if (err < 0)
        return err;
    memmove(&l->entry[i], &l->entry[i + 1], (l->count - i - 1) * sizeof l->entry[0]);
    memset(&l->entry[--l->count], 0, sizeof l->entry[0]);
    return put(a, l);
}
