/* Named places where a fault test kills the process with SIGKILL: the
 * environment's WB_CRASH_AT names the point, WB_CRASH_AFTER (default 1) the
 * how-manieth pass. Compiled only with WB_CRASH_POINTS. */
#ifndef WB_BASE_CRASH_H
#define WB_BASE_CRASH_H

#ifdef WB_CRASH_POINTS
#define WB_CRASH_POINT(name) wb_crash_point(name)
void wb_crash_point(const char *name);
#else
#define WB_CRASH_POINT(name) ((void)0)
#endif

#endif
