package io.kvferry.control.lmcache;

import java.util.Map;

/** What any frame must do to the codec of LMCache's messages, in its package because nothing there is public. */
final class LmCacheFrames {
    private LmCacheFrames() {}

    /** A frame is refused by the one exception for that, or is a message that survives being sent again in both languages. */
    static void check(byte[] frame) {
        Message message;
        try {
            message = MessageCodec.decode(frame);
        } catch (MalformedMessageException refused) {
            checkBody(frame);
            return;
        }
        again(message, MessageCodec.encode(message));
        if (message.extras().isEmpty()) {
            again(message, MessageCodec.encode(message, true));
        }
    }

    private static void again(Message message, byte[] encoded) {
        try {
            Message decoded = MessageCodec.decode(encoded);
            if (decoded.type() != message.type()
                    || !String.valueOf(decoded.values()).equals(String.valueOf(message.values()))) {
                throw new IllegalStateException(message + " came back as " + decoded);
            }
        } catch (MalformedMessageException e) {
            throw new IllegalStateException(message + " is refused when it is sent again", e);
        }
    }

    /** The same bytes as the body of a request over HTTP. */
    private static void checkBody(byte[] body) {
        try {
            Map<?, ?> ignored = MessageCodec.jsonMap(body);
        } catch (MalformedMessageException refused) {
            // as it should be
        }
    }
}
