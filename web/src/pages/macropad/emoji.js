// emoji.js - a choice of emoji with words to find them by; any other can be typed.

const LIST = `
Faces|😀 grin|😂 laugh|🙂 smile|😉 wink|😍 love|😎 cool|🤔 think|😴 sleep|😷 mask|🤒 ill|🥳 party|😡 angry|😱 scream|😭 cry|🤖 robot|👻 ghost|💀 skull|👽 alien
Hands|👍 yes thumb up|👎 no thumb down|👏 clap|🙏 please thanks|👋 wave hello|✌️ peace|🤞 luck|👌 fine|👉 point right|👈 point left|👆 up|👇 down|✋ stop hand|💪 strong|🤝 deal
Work|💻 laptop|🖥️ screen desktop|⌨️ keyboard|🖱️ mouse|🖨️ printer|📷 camera|🎥 film video|🎤 microphone|🎧 headphones|📞 phone call|📧 mail|📎 clip|📌 pin|📁 folder|🗂️ files|📊 chart|📈 rise|📉 fall|🗓️ calendar|⏰ alarm clock|⏱️ stopwatch|🔍 find search|✏️ pencil|📝 note|✂️ cut|🗑️ bin delete|🔑 key|🔒 lock|🔓 unlock|🔧 wrench|🔨 hammer|⚙️ gear settings|🧪 test|🐛 bug|🚀 rocket deploy|💾 save disk|🔋 battery|🔌 plug
Home|🏠 house home|🚪 door|🛏️ bed|🛋️ couch|🚿 shower|🛁 bath|🚽 toilet|💡 light lamp|🔦 torch|🕯️ candle|🔥 fire heat|❄️ cold snow|🌡️ temperature|💧 water drop|🌬️ wind fan|📺 tv|📻 radio|🎮 game|☕ coffee|🍽️ food|🍕 pizza|🍺 beer|🧹 clean broom|🧺 wash laundry|🚗 car|🚲 bike|🐕 dog|🐈 cat|🪴 plant|🌻 flower|🌳 tree
Sound|🔊 loud volume|🔉 volume|🔈 quiet|🔇 mute|🎵 music|🎶 notes|🎸 guitar|🥁 drum|🎹 piano|▶️ play|⏸️ pause|⏹️ stop|⏺️ record|⏭️ next|⏮️ previous|🔁 repeat|🔀 shuffle|📢 announce
Signs|✅ done check|❌ wrong cross|⚠️ warning|⛔ no entry|🚫 forbidden|❓ question|❗ attention|➕ plus|➖ minus|⬆️ up arrow|⬇️ down arrow|⬅️ left arrow|➡️ right arrow|🔄 refresh|♻️ recycle|🔔 bell|🔕 no bell|⭐ star|❤️ heart red|💙 heart blue|💚 heart green|💛 heart yellow|🔴 red|🟠 orange|🟡 yellow|🟢 green|🔵 blue|🟣 purple|⚫ black|⚪ white|🏁 finish flag|🎯 target|🏆 cup win|🎉 celebrate|🎁 present
Sky|☀️ sun day|🌙 moon night|⛅ cloud sun|☁️ cloud|🌧️ rain|⛈️ storm|⚡ flash power|🌈 rainbow|🌊 wave sea|🌍 earth|✨ sparkle scene`;

// [{group, text, words}]
export const EMOJI = LIST.trim().split('\n').flatMap((line) => {
  const [group, ...entries] = line.split('|');
  return entries.map((e) => ({ group, text: e.slice(0, e.indexOf(' ')), words: e.slice(e.indexOf(' ') + 1) }));
});
