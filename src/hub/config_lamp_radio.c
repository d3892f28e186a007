// Fields of the lamp's radio.
#include "components/lamp_radio/lamp_radio.h"
#include "hub/config_fields.h"
#include "hub/config_private.h"

#include <arpa/inet.h>

const nh_json_field_t nh_hub__lamp_radio_fields[] = {
    BOOL("enabled", lamp_radio.enabled, "Whether remotes are heard"),
    UINT("node", lamp_radio.node, 1, 65534, NULL, "Number of this lamp in its frames"),
    UINT("channel", lamp_radio.channel, 1, 13, NULL,
         "Channel, where no network that shares the radio says another"),
    STRING("address", lamp_radio.address,
           "Address of this lamp, aa:bb:cc:dd:ee:ff; empty: made at the first start and kept"),
    BOOL("allow_v1", lamp_radio.allow_v1,
         "Whether remotes of version 1 may be paired and are heard: their frames can be forged"),
    UINT("peer_max_count", lamp_radio.peer_max_count, 1, 8, NULL,
         "Remotes that are paired; one more is refused"),
    UINT("pairing_s", lamp_radio.pairing_s, 5, 300, "s",
         "How long the pairing window is open, where the request names no time"),
    STRING("group", lamp_radio.group, "Multicast group that plays the air on this machine"),
    UINT("port", lamp_radio.port, 1, 65535, NULL, "Its port"),
    STRING("interface", lamp_radio.interface, "Address of the interface that it is on"),
    UINT("loss_pct", lamp_radio.loss_pct, 0, 100, "%", "Frames that the air loses on their way in"),
    UINT("delay_ms", lamp_radio.delay_ms, 0, 1000, "ms",
         "How late a frame may come; each one for itself, so their order changes"),
    UINT("duplicate_pct", lamp_radio.duplicate_pct, 0, 100, "%", "Frames that come twice"),
    {0},
};

void nh_hub_config__check_lamp_radio(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    struct in_addr a;
    nh_radio_address_t address;
    const char *text = cfg->lamp_radio.address, *group = cfg->lamp_radio.group;
    // Addresses of one station have the lowest bit of the first byte clear.
    if (text[0] && (!nh_radio_address_parse(text, &address) || (address.mac[0] & 1)))
        nh_hub_config__report(c, "/lamp_radio/address", text, "aa:bb:cc:dd:ee:ff, aa even",
                              "is no address of a station");
    if (inet_pton(AF_INET, group, &a) != 1 || !IN_MULTICAST(ntohl(a.s_addr)))
        nh_hub_config__report(c, "/lamp_radio/group", group, "224.0.0.0 to 239.255.255.255",
                              "is no multicast group");
    if (inet_pton(AF_INET, cfg->lamp_radio.interface, &a) != 1)
        nh_hub_config__report(c, "/lamp_radio/interface", cfg->lamp_radio.interface,
                              "an IPv4 address of this machine", "is no address");
}
