/* DIR/stamp: its bytes, and that nothing else passes for one. */
#include "tests/test.h"

#include "store/record.h"

#include <stdio.h>
#include <string.h>

static const struct record_stamp stamp = { 0x1122334455667788, 4711, 1700000000000000001 };

static const uint8_t golden[RECORD_STAMP_BYTES] = {
	0x97, 0xb0, 0xc3, 0xf8, 0x02, 0x7c, 0xef, 0x06, /* 0 checksum, by another program */
	1, 'F', 'P', 's', 't', 'a', 'm', 'p',           /* 8 version, magic */
	0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* 16 store id */
	0x67, 0x12, 0, 0, 0, 0, 0, 0,                   /* 24 inode */
	0x01, 0x00, 0x2a, 0x36, 0xfe, 0x9c, 0x97, 0x17, /* 32 last write before a clean stop */
};

static void test_bytes(void **state)
{
	uint8_t bytes[RECORD_STAMP_BYTES];
	struct record_stamp back;

	(void)state;
	record_stamp_encode(bytes, &stamp);
	assert_memory_equal(bytes, golden, sizeof golden);
	assert_int_equal(record_stamp_decode(&back, bytes, sizeof bytes), 0);
	assert_true(back.store_id == stamp.store_id && back.inode == stamp.inode && back.clean_ns == stamp.clean_ns);
}

static void test_damage(void **state)
{
	uint8_t bytes[RECORD_STAMP_BYTES + 8] = { 0 };
	struct record_stamp back;

	(void)state;
	record_stamp_encode(bytes, &stamp);
	for (unsigned bit = 0; bit < 8 * RECORD_STAMP_BYTES; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(record_stamp_decode(&back, bytes, RECORD_STAMP_BYTES), 0);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n <= sizeof bytes; n++)
		assert_int_equal(record_stamp_decode(&back, bytes, n), n == RECORD_STAMP_BYTES ? 0 : FP_EFORMAT);
	memset(bytes, 0, sizeof bytes);
	assert_int_not_equal(record_stamp_decode(&back, bytes, RECORD_STAMP_BYTES), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
