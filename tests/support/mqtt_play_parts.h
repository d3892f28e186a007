// mqtt_play_parts.h - what the files of the play share.

#ifndef NH_TEST_MQTT_PLAY_PARTS_H
#define NH_TEST_MQTT_PLAY_PARTS_H

#include "support/mqtt_play.h"
#include "support/mqtt_play_bytes.h"

void play__fail(struct play *p, const char *what);
void play__require(struct play *p, bool holds, const char *what);
uint32_t play__choose(struct play *p, uint32_t n);
NH_PRINTF(2, 3) void play__trace(struct play *p, const char *fmt, ...);

void play__close_slot(struct play_slot *s);
// The next answer of the broker to this client must be this one.
void play__expect_answer(struct play_slot *s, struct play_answer a);
// Sends a packet, in one piece or two; rough: with a spoiled byte now and then.
void play__send(struct play_slot *s, struct play_bytes *b);
void play__send_ack(struct play_slot *s); // the one owed longest
void play__turn_end(struct play *p);
// Until nothing moves any more: those who read and acknowledge at once have done so. Nothing that
// is due may be missing then.
void play__settle(struct play *p);

#endif
