# What is known of the pack: no task, no socket, no file. Also built for a 32-bit chip.
nh_component(battery_model
  SOURCES
    battery_derive.c
    battery_image.c
    battery_model.c
    battery_snapshot.c
  USES mem base)
nh_component(battery_alarms
  SOURCES
    battery_alarms.c
    battery_rules.c
  USES battery_protocol base)
nh_component(battery_history
  SOURCES
    battery_history.c
  USES base)
nh_unit_test(test_battery_alarms PORTABLE USES battery_alarms battery_model)
nh_unit_test(test_battery_api USES battery battery_settings battery_worker platform_linux)
nh_unit_test(test_battery_derive PORTABLE USES battery_model)
nh_unit_test(test_battery_history PORTABLE USES battery_history battery_model)
nh_unit_test(test_battery_model PORTABLE USES battery_model)
nh_unit_test(test_battery_pack SOURCES ${CMAKE_SOURCE_DIR}/tests/support/fake_disk.c USES battery platform_linux)
nh_unit_test(test_battery_snapshot USES battery_model)
