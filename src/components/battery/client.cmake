# The line's engine: no task, no device. Also built for a 32-bit chip.
nh_component(battery_client
  SOURCES
    battery_client.c
    battery_client_choose.c
    battery_client_line.c
  USES battery_protocol mem base)
nh_unit_test(test_battery_client PORTABLE USES battery_client)
nh_fuzz_target(fuzz_battery_client USES battery_client)
