package io.kvferry.cli.doctor;

/**
 * What one check found.
 *
 * @param check what was looked at
 * @param ok whether it is as it should be
 * @param detail what was found
 * @param remedy what to do about it, or to see to; empty if nothing is to be done
 */
public record Finding(String check, boolean ok, String detail, String remedy) {
    /**
     * Makes a finding of something that is as it should be.
     *
     * @param check what was looked at
     * @param detail what was found
     * @return the finding
     */
    public static Finding good(String check, String detail) {
        return new Finding(check, true, detail, "");
    }

    /**
     * Makes a finding of something that is right only as long as the user sees to it.
     *
     * @param check what was looked at
     * @param detail what was found
     * @param duty what to see to
     * @return the finding
     */
    public static Finding note(String check, String detail, String duty) {
        return new Finding(check, true, detail, duty);
    }

    /**
     * Makes a finding of something that is wrong.
     *
     * @param check what was looked at
     * @param detail what was found
     * @param remedy what to do about it
     * @return the finding
     */
    public static Finding bad(String check, String detail, String remedy) {
        return new Finding(check, false, detail, remedy);
    }
}
