// Paths of the API: what leads to the card, and every way that would lead out of it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "components/audio/audio_path.h"

static void test_paths(void **state)
{
    static const struct {
        const char *path;
        const char *want; // NULL: NH_ERR_INVAL
    } rows[] = {
        {"/sdcard", ""},
        {"/sdcard/", ""},
        {"/sdcard//", ""},
        {"/sdcard/.", ""},
        {"/sdcard/a.wav", "a.wav"},
        {"/sdcard/a/b.wav", "a/b.wav"},
        {"/sdcard//a/./b.wav/", "a/b.wav"},
        {"/sdcard/...", "..."},
        {"/sdcard/..a/a..", "..a/a.."},
        {"/sdcard/.hidden", ".hidden"},
        {"/sdcard/%2e%2e/x", "%2e%2e/x"}, // decoded before, and once: this is a name
        {"/sdcard/a \"b'.wav", "a \"b'.wav"},
        {"/sdcard/\xc3\xa9.wav", "\xc3\xa9.wav"},
        {"", NULL},
        {"/", NULL},
        {"sdcard/a.wav", NULL},
        {"a.wav", NULL},
        {"/sdcardX", NULL},
        {"/sdcardX/a.wav", NULL},
        {"/sdcar", NULL},
        {"/SDCARD/a.wav", NULL},
        {" /sdcard/a.wav", NULL},
        {"//sdcard/a.wav", NULL},
        {"/./sdcard/a.wav", NULL},
        {"/etc/passwd", NULL},
        {"/sdcard/..", NULL},
        {"/sdcard/../x", NULL},
        {"/sdcard/a/../../x", NULL},
        {"/sdcard/a/../b", NULL}, // also one that stays inside: there is no need for it
        {"/sdcard/../sdcard/a", NULL},
        {"/sdcard/./../x", NULL},
        {"/sdcard/..\\x", NULL},
        {"/sdcard\\..\\x", NULL},
        {"/sdcard/a\\b", NULL},
        {"/sdcard/a\nb", NULL},
        {"/sdcard/a\x7f", NULL},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char out[NH_AUDIO__ON_CARD_MAX_BYTES];
        memset(out, 'x', sizeof out);
        int err = nh_audio__path(rows[i].path, out);
        if (err != (rows[i].want ? 0 : NH_ERR_INVAL))
            fail_msg("%s: %d", rows[i].path, err);
        assert_string_equal(out, rows[i].want && err == 0 ? rows[i].want : out);
    }
}

static void test_lengths(void **state)
{
    char path[NH_AUDIO_PATH_MAX_BYTES + 1], out[NH_AUDIO__ON_CARD_MAX_BYTES];
    char shown[NH_AUDIO_PATH_MAX_BYTES];
    (void)state;
    memset(path, 'a', sizeof path);
    memcpy(path, "/sdcard/", 8);
    path[NH_AUDIO_PATH_MAX_BYTES - 1] = 0;
    assert_int_equal(nh_audio__path(path, out), 0);
    assert_int_equal(strlen(out), NH_AUDIO_PATH_MAX_BYTES - 1 - 8);
    nh_audio__path_shown(out, shown);
    assert_string_equal(shown, path);
    path[NH_AUDIO_PATH_MAX_BYTES - 1] = 'a';
    path[NH_AUDIO_PATH_MAX_BYTES] = 0;
    assert_int_equal(nh_audio__path(path, out), NH_ERR_TOO_LONG);
    nh_audio__path_shown("", shown);
    assert_string_equal(shown, "/sdcard/");
}

static void test_names(void **state)
{
    static const char *const tracks[] = {"a.wav",  "A.WAV",  "b.Mp3", "c.ogg",
                                         "d.flac", "e.opus", "f.oga", "x.mp3.wav"};
    static const char *const others[] = {"", ".wav", "wav", "a.wave", "a.wav ", "a.txt", "a.mp4"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(tracks); i++)
        assert_true(nh_audio__is_track(tracks[i]));
    for (size_t i = 0; i < NH_ARRAY_LEN(others); i++)
        assert_false(nh_audio__is_track(others[i]));
    assert_true(nh_audio__is_hidden("System Volume Information"));
    assert_true(nh_audio__is_hidden("SYSTEM~1"));
    assert_false(nh_audio__is_hidden("SYSTEM~2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
