// The audio of the phone: it sends the microphone or a tone, and plays and analyses what it receives.

const FFT_SIZE = 16384; // a third of a second: bins of 3 Hz at 48 kHz
const SILENCE = -70; // dB of the loudest bin below which the audio counts as silence

/** One source and one listener. Browsers allow a page to play audio only after a click or a key. */
export class Sound {
    constructor() {
        this.context = null;
        this.tone = null;
        this.player = new Audio();
        this.player.autoplay = true;
    }

    /** Return the stream to send: the microphone, or a tone of this frequency. */
    async source(hertz) {
        this.start();
        return hertz ? this.playTone(hertz) : navigator.mediaDevices.getUserMedia({ audio: true });
    }

    /** Return a track for each of the media, in this order. The first audio is that of the stream; others are silent. */
    tracks(stream, media, colour) {
        const audio = stream.getAudioTracks();
        return media.map((kind) => (kind === "video" ? picture(colour) : (audio.shift() ?? this.silence())));
    }

    silence() {
        return new MediaStreamAudioDestinationNode(this.context).stream.getAudioTracks()[0];
    }

    /** Play a stream and analyse it. */
    listen(stream) {
        this.start();
        this.player.srcObject = stream; // without a player, Chromium analyses silence
        this.analyser = this.context.createAnalyser();
        this.analyser.fftSize = FFT_SIZE;
        this.analyser.smoothingTimeConstant = 0;
        this.context.createMediaStreamSource(stream).connect(this.analyser);
    }

    /** Set whether the received audio is played. */
    set silent(silent) {
        this.player.muted = silent;
    }

    /** Return the strongest frequency in the last third of a second, in hertz (0 for silence), and its level in dB. */
    heard() {
        if (!this.analyser) return { hertz: 0, level: -Infinity };
        const bins = new Float32Array(this.analyser.frequencyBinCount);
        this.analyser.getFloatFrequencyData(bins);
        const loudest = bins.reduce((best, level, bin) => (level > bins[best] ? bin : best), 1);
        const level = bins[loudest];
        return { hertz: level < SILENCE ? 0 : Math.round((loudest * this.context.sampleRate) / FFT_SIZE), level };
    }

    /** Release the microphone, the tone and the listener. */
    stop(tracks) {
        tracks.forEach((track) => track.stop());
        this.tone?.stop();
        this.tone = this.analyser = null;
        this.player.srcObject = null;
    }

    start() {
        this.context ??= new AudioContext();
        this.context.resume();
    }

    playTone(hertz) {
        const volume = new GainNode(this.context, { gain: 0.5 });
        const out = new MediaStreamAudioDestinationNode(this.context, { channelCount: 1 });
        this.tone = new OscillatorNode(this.context, { frequency: hertz });
        this.tone.connect(volume).connect(out);
        this.tone.start();
        return out.stream;
    }
}

/** Return a track of one colour: a square that moves a little, as a picture that stays the same is not sent. */
function picture(colour) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const context = canvas.getContext("2d");
    let frame = 0;
    const draw = () => {
        context.fillStyle = colour;
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.fillStyle = "black";
        context.fillRect((frame++ * 4) % canvas.width, 0, 4, 4);
    };
    draw();
    const [track] = canvas.captureStream(10).getVideoTracks();
    const drawing = setInterval(() => (track.readyState === "ended" ? clearInterval(drawing) : draw()), 100);
    return track;
}

/** The picture that is received. */
export class Screen {
    constructor() {
        this.player = document.createElement("video");
        Object.assign(this.player, { autoplay: true, muted: true, playsInline: true });
        this.canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
    }

    watch(stream) {
        this.player.srcObject = stream;
        this.player.play().catch(() => undefined);
    }

    /** Return the mean colour of what is shown, as [red, green, blue], and its size; null without a picture. */
    watched() {
        const { videoWidth: width, videoHeight: height } = this.player;
        if (!this.player.srcObject || !width) return null;
        const context = this.canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(this.player, 0, 0, 8, 8);
        const { data } = context.getImageData(0, 0, 8, 8);
        const mean = [0, 1, 2].map((at) => data.filter((_, place) => place % 4 === at).reduce((a, b) => a + b, 0) / 64);
        return { colour: mean.map(Math.round), width, height };
    }
}

function pictures(reports) {
    const of = (type) => reports.find((each) => each.type === type && each.kind === "video") ?? {};
    const inbound = of("inbound-rtp");
    const outbound = of("outbound-rtp");
    return {
        codec: reports.find((each) => each.id === inbound.codecId)?.mimeType ?? "",
        sent: { frames: outbound.framesSent ?? 0, keys: outbound.keyFramesEncoded ?? 0, asked: outbound.pliCount ?? 0 },
        received: { frames: inbound.framesDecoded ?? 0, keys: inbound.keyFramesDecoded ?? 0, asks: inbound.pliCount ?? 0 },
    };
}

/** Return the audio statistics of a peer connection: packets and bytes in both directions, codec, encryption. */
export async function statistics(connection) {
    const reports = [...(await connection.getStats()).values()];
    const of = (type) => reports.find((each) => each.type === type && each.kind !== "video") ?? {};
    const inbound = of("inbound-rtp");
    const outbound = of("outbound-rtp");
    const transport = of("transport");
    return {
        sent: { packets: outbound.packetsSent ?? 0, bytes: outbound.bytesSent ?? 0 },
        received: { packets: inbound.packetsReceived ?? 0, bytes: inbound.bytesReceived ?? 0 },
        video: pictures(reports),
        codec: reports.find((each) => each.id === inbound.codecId)?.mimeType ?? "",
        ice: transport.iceState ?? "",
        dtls: transport.dtlsState ?? "",
        srtp: transport.srtpCipher ?? "",
    };
}
