nh_component(lamp_radio
  SOURCES
    radio_frame.c
    radio_guard.c
    radio_pair.c
    radio_peers.c
  USES crypto mem base)
nh_unit_test(test_radio_frame USES lamp_radio)
nh_unit_test(test_radio_pair USES lamp_radio)
