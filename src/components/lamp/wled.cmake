# WLED's clients: what they ask for and read.
nh_component(lamp_wled
  SOURCES lamp_wled_command.c lamp_wled_request.c lamp_wled_write.c
  USES lamp_fx json base)
nh_unit_test(test_lamp_wled_request USES lamp_wled)
nh_fuzz_target(fuzz_lamp_wled USES lamp_wled)
