package io.kvferry.cli.file;

/**
 * The messages about files. All are requests of a client to a server; every answer may carry fields that are not listed.
 *
 * <pre>
 * fetch                                                send
 *   open {name}                                          put {name, size}
 *     → {session, size, sha256, modified, window}          → {session, window}
 *     or {hashing}: ask again                            write {session, window}
 *   read {session, window}                                 → {transfer}: a lease for WRITE
 *     → {transfer}: a lease for READ                     applied {session, window}: the server keeps the window
 *     or {changed}: the file is another one now          commit {session, sha256}: compared, then renamed
 *   close {session}                                        or {differs}: the server read another sum
 *                                                        close {session}
 * </pre>
 */
final class FileTopics {
    static final String OPEN = "kvferry.file/open";
    static final String READ = "kvferry.file/read";
    static final String PUT = "kvferry.file/put";
    static final String WRITE = "kvferry.file/write";
    static final String APPLIED = "kvferry.file/applied";
    static final String COMMIT = "kvferry.file/commit";
    static final String CLOSE = "kvferry.file/close";

    private FileTopics() {}
}
