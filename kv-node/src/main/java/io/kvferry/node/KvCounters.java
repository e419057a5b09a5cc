package io.kvferry.node;

/**
 * What has happened at a node since it started.
 *
 * <p><b>Threads:</b> Immutable. One snapshot: {@code localTokens + fetchedTokens + missedTokens = requestedTokens}.
 *
 * @param fetches fetches that have ended
 * @param requestedTokens tokens they asked for
 * @param localTokens tokens of those that were in the pool
 * @param fetchedTokens tokens of those that came from other nodes
 * @param missedTokens tokens of those that were nowhere to be had
 * @param transfers transfers from holders, failed ones included
 * @param failedHolders times that a holder failed
 * @param receivedBytes bytes that came from other nodes
 * @param sentBytes bytes that went to other nodes
 * @param lookups look-ups that have ended
 * @param lookupTokens tokens they asked for
 * @param lookupHitTokens tokens of those that are held here or elsewhere
 * @param lookupsWithoutHit look-ups that found nothing
 * @param stores times that something was put
 * @param storedTokens tokens that were new then
 * @since 0.1.0
 */
public record KvCounters(
        long fetches,
        long requestedTokens,
        long localTokens,
        long fetchedTokens,
        long missedTokens,
        long transfers,
        long failedHolders,
        long receivedBytes,
        long sentBytes,
        long lookups,
        long lookupTokens,
        long lookupHitTokens,
        long lookupsWithoutHit,
        long stores,
        long storedTokens) {
    static final KvCounters NONE = new KvCounters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /**
     * Returns how many tokens need not have been computed.
     *
     * @return those that were here and those that came
     */
    public long hitTokens() {
        return localTokens + fetchedTokens;
    }

    KvCounters plusFetch(KvFetch.Figures fetch, int failures) {
        return new KvCounters(
                fetches + 1,
                requestedTokens + fetch.requestedTokens(),
                localTokens + fetch.localTokens(),
                fetchedTokens + fetch.fetchedTokens(),
                missedTokens + fetch.missedTokens(),
                transfers + fetch.transfers(),
                failedHolders + failures,
                receivedBytes + fetch.fetchedBytes(),
                sentBytes,
                lookups,
                lookupTokens,
                lookupHitTokens,
                lookupsWithoutHit,
                stores,
                storedTokens);
    }

    KvCounters plusLookup(KvLookup lookup) {
        return new KvCounters(
                fetches,
                requestedTokens,
                localTokens,
                fetchedTokens,
                missedTokens,
                transfers,
                failedHolders,
                receivedBytes,
                sentBytes,
                lookups + 1,
                lookupTokens + lookup.requestedTokens(),
                lookupHitTokens + lookup.hitTokens(),
                lookupsWithoutHit + (lookup.hitTokens() == 0 ? 1 : 0),
                stores,
                storedTokens);
    }

    KvCounters plusStore(PutResult put) {
        return new KvCounters(
                fetches,
                requestedTokens,
                localTokens,
                fetchedTokens,
                missedTokens,
                transfers,
                failedHolders,
                receivedBytes,
                sentBytes,
                lookups,
                lookupTokens,
                lookupHitTokens,
                lookupsWithoutHit,
                stores + 1,
                storedTokens + put.storedTokens());
    }

    KvCounters plusMoved(long received, long sent) {
        return new KvCounters(
                fetches,
                requestedTokens,
                localTokens,
                fetchedTokens,
                missedTokens,
                transfers,
                failedHolders,
                receivedBytes + received,
                sentBytes + sent,
                lookups,
                lookupTokens,
                lookupHitTokens,
                lookupsWithoutHit,
                stores,
                storedTokens);
    }
}
