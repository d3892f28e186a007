// A message that a person publishes, with properties of 5.0.

#include "portal/mqtt_api_private.h"

#include <string.h>

#define TOPIC_MAX_BYTES 256
#define TYPE_MAX_BYTES 128
#define USER_MAX_COUNT 8
#define USER_NAME_MAX_BYTES 64
#define USER_VALUE_MAX_BYTES 128
#define PROPS_MAX_BYTES 2200 // of all of these, with what MQTT puts around each

struct user_property {
    char name[USER_NAME_MAX_BYTES + 1], value[USER_VALUE_MAX_BYTES + 1];
};

struct publish_body {
    char topic[TOPIC_MAX_BYTES + 1], response_topic[TOPIC_MAX_BYTES + 1];
    char payload[NH_MQTT_API_PAYLOAD_MAX_BYTES + 1];
    char content_type[TYPE_MAX_BYTES + 1];
    uint8_t qos;
    bool retain;
    uint32_t expiry_s; // 0: never
    uint32_t user_count;
    struct user_property user[USER_MAX_COUNT];
    uint8_t props[PROPS_MAX_BYTES];
};

static const nh_json_field_t user_fields[] = {
    {.name = "name",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct user_property, name)},
    {.name = "value", .type = NH_JSON_T_STRING, NH_JSON_AT(struct user_property, value)},
    NH_JSON_FIELDS_END,
};

static const nh_json_field_t user_field = {
    .type = NH_JSON_T_OBJECT, .size = sizeof(struct user_property), .fields = user_fields};

static const nh_json_field_t publish_fields[] = {
    {.name = "topic",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct publish_body, topic)},
    {.name = "payload", .type = NH_JSON_T_STRING, NH_JSON_AT(struct publish_body, payload)},
    {.name = "qos", .type = NH_JSON_T_INT, NH_JSON_AT(struct publish_body, qos), .max = 2},
    {.name = "retain", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct publish_body, retain)},
    {.name = "content_type",
     .type = NH_JSON_T_STRING,
     NH_JSON_AT(struct publish_body, content_type)},
    {.name = "response_topic",
     .type = NH_JSON_T_STRING,
     NH_JSON_AT(struct publish_body, response_topic)},
    {.name = "expiry_s", .type = NH_JSON_T_INT, NH_JSON_AT(struct publish_body, expiry_s)},
    {.name = "user_properties",
     .type = NH_JSON_T_ARRAY,
     .element = &user_field,
     .offset = offsetof(struct publish_body, user),
     .size = sizeof(struct user_property),
     .count_offset = offsetof(struct publish_body, user_count),
     .count_max = USER_MAX_COUNT},
    NH_JSON_FIELDS_END,
};

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

// Writes the properties into the body's own memory.
static int write_props(struct publish_body *body, nh_span_t *out)
{
    struct nh_mqtt_property user[USER_MAX_COUNT];
    const struct nh_mqtt_properties props = {.content_type = span(body->content_type),
                                             .response_topic = span(body->response_topic),
                                             .user = user,
                                             .user_count = body->user_count};
    for (uint32_t i = 0; i < body->user_count; i++)
        user[i] = (struct nh_mqtt_property){span(body->user[i].name), span(body->user[i].value)};
    int len = nh_mqtt_properties_write(&props, body->props, sizeof body->props);
    *out = (nh_span_t){body->props, len > 0 ? (size_t)len : 0};
    return len < 0 ? len : 0;
}

// The reply to what went well is there already.
static int reply_published(nh_request_t *req, int err, bool is_kept_back)
{
    const struct nh_mqtt_broker_config *limits = &nh_mqtt_api__config(req->ctx)->limits;
    if (err == NH_ERR_INVAL || err == NH_ERR_RANGE || err == NH_ERR_TOO_LONG ||
        err == NH_ERR_TOO_DEEP)
        return nh_reply_error(
            req, 400, "bad_topic",
            "topic: %s. It has 1 to %u bytes and no + or #. Nothing was published.",
            nh_err_text(err), (unsigned)limits->topic_max_bytes);
    if (err < 0)
        return nh_reply_error(req, 503, NULL, "%s. Some subscribers may not have got it.",
                              nh_err_text(err));
    if (is_kept_back)
        return nh_reply_error(req, 507, "retained_full",
                              "Delivered, but not retained: over %u messages, %u bytes, or memory.",
                              (unsigned)limits->retained_max_count,
                              (unsigned)limits->retained_max_bytes);
    return 0;
}

// What would be lost in a crash is not taken while the store cannot be written.
static int reply_unwritten(nh_request_t *req, int err)
{
    return nh_reply_error(
        req, err == NH_ERR_NOSPC ? 507 : 503, err == NH_ERR_NOSPC ? "no_space" : "store_failed",
        "The broker's store cannot be written: %s. Nothing was published.", nh_err_text(err));
}

static int publish(nh_request_t *req, struct publish_body *body)
{
    const struct nh_mqtt_api_config *cfg = nh_mqtt_api__config(req->ctx);
    struct nh_mqtt_info before, after;
    uint64_t now_ms = cfg->clock_ms();
    struct nh_mqtt_message m = {
        .topic = span(body->topic),
        .payload = span(body->payload),
        .qos = body->qos,
        .retain = body->retain,
        .expires_ms = body->expiry_s ? now_ms + body->expiry_s * 1000ull : 0,
    };
    if (write_props(body, &m.props) < 0)
        return nh_reply_error(req, 400, "bad_value",
                              "A property has a control character, or response_topic has + or #. "
                              "Nothing was published.");
    nh_mqtt_broker_info(cfg->broker, &before);
    if (before.store_error < 0 && (m.retain || m.qos))
        return reply_unwritten(req, before.store_error);
    int err = nh_mqtt_api__reply_ok(req);
    if (err < 0)
        return err;
    err = nh_mqtt_broker_publish(cfg->broker, &m, now_ms);
    nh_mqtt_broker_info(cfg->broker, &after);
    return reply_published(req, err, after.retained_refused != before.retained_refused);
}

int nh_mqtt_api__post_publish(nh_request_t *req)
{
    bool ok;
    struct publish_body *body = nh_arena_alloc(req->arena, sizeof *body);
    if (!body)
        return NH_ERR_NOMEM;
    memset(body, 0, sizeof *body);
    int err = nh_request_decode(req, publish_fields, body, "Nothing was published.", &ok);
    return ok ? publish(req, body) : err;
}
