# Live data over UDP: its packets, and who shows what came (docs/lamp-live.md).
nh_component(lamp_udp
  SOURCES
    lamp_artnet.c
    lamp_ddp.c
    lamp_e131.c
    lamp_live_range.c
    lamp_live_set.c
    lamp_live_stats.c
    lamp_receiver.c
    lamp_receiver_input.c
    lamp_send.c
    lamp_wled_udp.c
  USES json mem base)
nh_unit_test(test_lamp_send USES wled lamp_udp platform_linux)
nh_unit_test(test_lamp_live_frames USES lamp_udp)
nh_unit_test(test_lamp_receiver USES lamp_udp platform_linux)
nh_fuzz_target(fuzz_lamp_receiver USES lamp_udp platform_linux)
foreach(part artnet ddp e131 wled_udp)
  nh_unit_test(test_lamp_${part} USES lamp_udp)
  nh_fuzz_target(fuzz_lamp_${part} USES lamp_udp)
endforeach()
