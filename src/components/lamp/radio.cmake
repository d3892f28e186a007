nh_component(lamp_radio
  SOURCES
    lamp_radio.c
    lamp_radio_api.c
    radio_channel.c
    radio_frame.c
    radio_guard.c
    radio_lamp.c
    radio_lamp_command.c
    radio_lamp_pair.c
    radio_pair.c
    radio_peers.c
    radio_remote.c
    radio_remote_list.c
    radio_remote_pair.c
    radio_remote_talk.c
  USES crypto http json bus sched store mem base)
nh_unit_test(test_radio_channel USES lamp_radio)
nh_unit_test(test_radio_frame USES lamp_radio)
nh_unit_test(test_radio_lamp SOURCES ${CMAKE_SOURCE_DIR}/tests/support/fake_disk.c USES lamp_radio store)
nh_unit_test(test_radio_link USES lamp_radio)
nh_unit_test(test_radio_pair USES lamp_radio)
