# From the canvas to the chain of LEDs: geometry, pipeline, button. No task and no state of the lamp.
nh_component(lamp_hw
  SOURCES
    lamp_button.c
    lamp_map.c
    lamp_pipeline.c
  USES mem base
  LIBS m)
nh_unit_test(test_lamp_button USES lamp_hw)
nh_unit_test(test_lamp_map USES lamp_hw)
nh_unit_test(test_lamp_pipeline USES lamp_hw)
nh_fuzz_target(fuzz_lamp_button USES lamp_hw)
nh_unit_test(test_lamp_hardware SOURCES ${CMAKE_SOURCE_DIR}/tests/support/fake_gpiod.c USES lamp platform_pixels)
