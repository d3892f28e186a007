# WLED's clients: what they ask for and read; the lamp's own part that serves them.
nh_component(lamp_wled
  SOURCES
    lamp_wled.c
    lamp_wled_api.c
    lamp_wled_command.c
    lamp_wled_night.c
    lamp_wled_presets.c
    lamp_wled_request.c
    lamp_wled_write.c
    lamp_wled_ws.c
  USES lamp_fx http json sched store mem base)
nh_unit_test(test_lamp_wled_request USES lamp_wled)
nh_unit_test(test_lamp_wled
  SOURCES ${CMAKE_SOURCE_DIR}/tests/support/fake_disk.c
  USES lamp_wled)
nh_fuzz_target(fuzz_lamp_wled USES lamp_wled)
