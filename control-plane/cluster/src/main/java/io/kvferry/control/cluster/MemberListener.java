package io.kvferry.control.cluster;

/** Hears of members: calls are short, and made without a lock held. */
interface MemberListener {
    /** Orders can be sent through the member's session. */
    void attached(Member member);

    /** The member does not come back. */
    void gone(Member member);
}
