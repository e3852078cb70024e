/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_device.h -- a devdax device that is not there, for unit tests.
 */
#ifndef MOCK_DEVICE_H
#define MOCK_DEVICE_H

struct dax_device;

/* What dax_device_find_number() answers from now on, whatever the number; NULL:
 * what there is.  It is not copied. */
void mock_device_set(const struct dax_device *device);

#endif /* MOCK_DEVICE_H */
