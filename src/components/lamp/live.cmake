# Live data over UDP: its packets, and who shows what came (docs/lamp-live.md).
nh_component(lamp_udp
  SOURCES
    lamp_artnet.c
    lamp_ddp.c
    lamp_e131.c
    lamp_wled_udp.c
  USES base)
foreach(part artnet ddp e131 wled_udp)
  nh_unit_test(test_lamp_${part} USES lamp_udp PORTABLE)
  nh_fuzz_target(fuzz_lamp_${part} USES lamp_udp)
endforeach()
