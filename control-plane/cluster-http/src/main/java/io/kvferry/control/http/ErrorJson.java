package io.kvferry.control.http;

/**
 * Why a request failed.
 *
 * @param code name of the error code, the same on every interface of KVFerry
 * @param number its number
 * @param detail one line for a person
 */
record ErrorJson(String code, int number, String detail) {}
