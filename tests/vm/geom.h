/* SPDX-License-Identifier: GPL-2.0-only */
/* What the volume of an open file looks like; kernels before 5.2 know the older form only, which is the beginning of the newer. */
#include <sys/ioctl.h>
#include "dx_ioctl.h"

static inline int geometry(int fd, struct dx_geom *g)
{
	memset(g, 0, sizeof(*g));
	return ioctl(fd, DX_IOC_FSGEOMETRY, g) && ioctl(fd, DX_IOC_FSGEOMETRY_V4, g) ? -1 : 0;
}
