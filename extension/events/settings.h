/*
 * settings.h
 *		What an administrator sets for events and those who write them.
 */
#ifndef TAROT_EVENTS_SETTINGS_H
#define TAROT_EVENTS_SETTINGS_H

extern bool EventWorkerEnabled;
extern bool EventLogAll;

#endif
