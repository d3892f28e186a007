# The line: an engine without a task, also built for a 32-bit chip, and the task that turns it.
nh_component(battery_client
  SOURCES
    battery_client.c
    battery_client_choose.c
    battery_client_line.c
  USES battery_protocol mem base)
nh_component(battery_worker
  SOURCES
    battery_worker.c
  USES battery_client mem base)
nh_unit_test(test_battery_client PORTABLE USES battery_client)
nh_unit_test(test_battery_worker USES battery_worker platform_linux)
